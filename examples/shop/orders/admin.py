from django.contrib import admin

from .models import Order, OrderLine


class OrderLineInline(admin.TabularInline):
    model = OrderLine
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["reference", "customer", "status", "placed_at"]
    list_filter = ["status"]
    readonly_fields = ["reference", "placed_at"]
    inlines = [OrderLineInline]
