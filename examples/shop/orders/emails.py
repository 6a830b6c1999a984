"""Emails about orders."""

from django.core.mail import send_mail
from django.template.loader import render_to_string

from .models import Order


def send_order_confirmation(order_id: int) -> None:
    """Send the customer a summary of the order."""
    order = Order.objects.select_related("customer").get(pk=order_id)
    lines = order.lines.select_related("product")
    send_mail(
        subject=f"Your order {order.reference}",
        message=render_to_string(
            "orders/confirmation_email.txt", {"order": order, "lines": lines}
        ),
        from_email=None,
        recipient_list=[order.customer.email],
    )
