from django.core import mail
from django.test import TestCase
from django.urls import reverse

from .models import Customer


class RegisterTests(TestCase):
    url = reverse("customers:register")

    def test_register_sends_welcome_email(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            response = self.client.post(
                self.url, {"name": "Ada", "email": "ada@shop.example"}
            )
        self.assertRedirects(response, reverse("catalog:product_list"))
        self.assertEqual(Customer.objects.get().name, "Ada")
        self.assertEqual(mail.outbox[0].to, ["ada@shop.example"])

    def test_email_is_unique_regardless_of_case(self) -> None:
        Customer.objects.create(name="Ada", email="ada@shop.example")
        response = self.client.post(
            self.url, {"name": "Ada", "email": "ADA@shop.example"}
        )
        self.assertContains(response, "already registered")
        self.assertEqual(Customer.objects.count(), 1)
