"""Who buys in the shop."""

from django.db import models
from django.db.models.functions import Lower


class Customer(models.Model):
    """A customer, identified by email address regardless of case."""

    name = models.CharField(max_length=200)
    email = models.EmailField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="customer_email_unique",
                violation_error_message="This email address is already registered.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"
