"""Emails to customers."""

from django.core.mail import send_mail

from .models import Customer


def send_welcome_email(customer_id: int) -> None:
    """Greet a newly registered customer."""
    customer = Customer.objects.get(pk=customer_id)
    send_mail(
        subject="Welcome to the shop",
        message=f"Hello {customer.name},\n\nthank you for registering with us.\n",
        from_email=None,
        recipient_list=[customer.email],
    )
