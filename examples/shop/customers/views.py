"""Customer registration."""

from django.contrib import messages
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.views.generic import CreateView

from .emails import send_welcome_email
from .models import Customer


class RegisterView(CreateView):
    """Register a customer and send the welcome email."""

    model = Customer
    fields = ["name", "email"]
    success_url = reverse_lazy("catalog:product_list")

    def form_valid(self, form: ModelForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            transaction.on_commit(
                lambda: send_welcome_email(form.instance.pk), robust=True
            )
        messages.success(self.request, "Thank you for registering.")
        return response
