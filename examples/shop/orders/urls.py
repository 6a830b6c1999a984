from django.urls import path

from . import views

app_name = "orders"

urlpatterns = [
    path("new/", views.place, name="place"),
    path("<uuid:reference>/", views.detail, name="detail"),
]
