from decimal import Decimal

from django.test import TestCase
from django.urls import reverse

from .models import Category, Product


class ProductPagesTests(TestCase):
    product: Product
    hidden: Product

    @classmethod
    def setUpTestData(cls) -> None:
        category = Category.objects.create(name="Coffee", slug="coffee")
        cls.product = Product.objects.create(
            category=category,
            name="House blend",
            slug="house-blend",
            price=Decimal("11.90"),
            stock=5,
        )
        cls.hidden = Product.objects.create(
            category=category,
            name="Old blend",
            slug="old-blend",
            price=Decimal("9.90"),
            is_active=False,
        )

    def test_list_shows_active_products_only(self) -> None:
        response = self.client.get(reverse("catalog:product_list"))
        self.assertContains(response, "House blend")
        self.assertNotContains(response, "Old blend")

    def test_detail(self) -> None:
        response = self.client.get(self.product.get_absolute_url())
        self.assertContains(response, "€11.90, 5 in stock")

    def test_detail_of_inactive_product_is_not_found(self) -> None:
        response = self.client.get(self.hidden.get_absolute_url())
        self.assertEqual(response.status_code, 404)
