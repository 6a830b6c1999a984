from datetime import timedelta
from decimal import Decimal
from io import StringIO
from unittest.mock import patch

from django.core import mail
from django.core.management import call_command
from django.http import HttpResponse
from django.test import TestCase, TransactionTestCase
from django.urls import reverse
from django.utils import timezone

from catalog.models import Category, Product
from customers.models import Customer

from .models import Order
from .services import place_order


class OrderTestCase(TestCase):
    blend: Product
    espresso: Product

    @classmethod
    def setUpTestData(cls) -> None:
        category = Category.objects.create(name="Coffee", slug="coffee")
        cls.blend, cls.espresso = (
            Product.objects.create(
                category=category, name=name, slug=name, price=price, stock=5
            )
            for name, price in [
                ("blend", Decimal("11.90")),
                ("espresso", Decimal("23.50")),
            ]
        )

    def assertStock(self, product: Product, stock: int) -> None:
        product.refresh_from_db()
        self.assertEqual(product.stock, stock)


class PlaceOrderTests(OrderTestCase):
    url = reverse("orders:place")

    def post(self, blend: int, espresso: int) -> HttpResponse:
        """Submit the order form."""
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post(
                self.url,
                {
                    "name": "Ada",
                    "email": "ada@shop.example",
                    f"quantity_{self.blend.pk}": blend,
                    f"quantity_{self.espresso.pk}": espresso,
                },
            )

    def test_form_takes_quantities_from_the_link(self) -> None:
        response = self.client.get(self.url, {f"quantity_{self.blend.pk}": 3})
        self.assertContains(response, 'value="3"')

    def test_order_takes_stock_and_is_confirmed(self) -> None:
        response = self.post(blend=2, espresso=1)
        order = Order.objects.get()
        self.assertRedirects(response, order.get_absolute_url())
        self.assertEqual(order.total, Decimal("47.30"))
        self.assertStock(self.blend, 3)
        self.assertStock(self.espresso, 4)
        self.assertEqual(mail.outbox[0].to, ["ada@shop.example"])
        self.assertIn("2 × blend: €23.80", mail.outbox[0].body)
        self.assertIn("Total: €47.30", mail.outbox[0].body)

    def test_known_customer_is_reused(self) -> None:
        customer = Customer.objects.create(name="Ada", email="Ada@shop.example")
        self.post(blend=1, espresso=0)
        self.assertEqual(Order.objects.get().customer, customer)

    def test_out_of_stock_changes_nothing(self) -> None:
        response = self.post(blend=1, espresso=6)
        self.assertContains(response, "Only 5 of espresso left in stock.")
        self.assertFalse(Order.objects.exists())
        self.assertFalse(Customer.objects.exists())
        self.assertStock(self.blend, 5)
        self.assertEqual(mail.outbox, [])

    def test_empty_order_is_refused(self) -> None:
        response = self.post(blend=0, espresso=0)
        self.assertContains(response, "Please choose at least one product.")

    def test_detail(self) -> None:
        self.post(blend=1, espresso=0)
        response = self.client.get(Order.objects.get().get_absolute_url())
        self.assertContains(response, "Total: €11.90")


class MailServerDownTests(TransactionTestCase):
    def test_order_is_placed_all_the_same(self) -> None:
        product = Product.objects.create(
            category=Category.objects.create(name="Coffee", slug="coffee"),
            name="blend",
            slug="blend",
            price=Decimal("11.90"),
            stock=5,
        )
        data = {"name": "Ada", "email": "ada@shop.example"}
        data[f"quantity_{product.pk}"] = "1"
        with (
            patch("orders.emails.send_mail", side_effect=ConnectionRefusedError),
            self.assertLogs("django.db.backends.base", "ERROR"),
        ):
            response = self.client.post(reverse("orders:place"), data)
        self.assertRedirects(response, Order.objects.get().get_absolute_url())


class CancelUnpaidOrdersTests(OrderTestCase):
    def test_only_old_unpaid_orders_are_cancelled(self) -> None:
        customer = Customer.objects.create(name="Ada", email="ada@shop.example")
        old, paid, recent = (
            place_order(customer, {self.blend.pk: 1}) for _ in range(3)
        )
        Order.objects.filter(pk__in=[old.pk, paid.pk]).update(
            placed_at=timezone.now() - timedelta(days=8)
        )
        Order.objects.filter(pk=paid.pk).update(status=Order.Status.PAID)

        out = StringIO()
        call_command("cancel_unpaid_orders", stdout=out)

        self.assertIn("Cancelled 1 unpaid orders.", out.getvalue())
        for order, status in [(old, "cancelled"), (paid, "paid"), (recent, "new")]:
            order.refresh_from_db()
            self.assertEqual(order.status, status)
        self.assertStock(self.blend, 3)
