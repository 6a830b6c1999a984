"""Placing and cancelling orders."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from catalog.models import Product
from customers.models import Customer

from .models import Order, OrderLine


class OutOfStock(Exception):
    """There are fewer pieces of a product in stock than ordered."""

    def __init__(self, product: Product) -> None:
        super().__init__(f"Only {product.stock} of {product.name} left in stock.")


@transaction.atomic
def place_order(customer: Customer, quantities: Mapping[int, int]) -> Order:
    """Create an order from quantities by product id and take the pieces from stock.

    The products stay locked until the transaction ends, in the order of their ids.
    """
    order = Order.objects.create(customer=customer)
    products = Product.objects.select_for_update().order_by("pk")
    for product in products.filter(pk__in=quantities):
        quantity = quantities[product.pk]
        if product.stock < quantity:
            raise OutOfStock(product)
        product.stock -= quantity
        product.save(update_fields=["stock"])
        OrderLine.objects.create(
            order=order, product=product, quantity=quantity, unit_price=product.price
        )
    return order


@transaction.atomic
def cancel_unpaid_orders(days: int = 7) -> int:
    """Cancel orders unpaid for that many days, restock them, return how many."""
    cutoff = timezone.now() - timedelta(days=days)
    orders = list(
        Order.objects.select_for_update().filter(
            status=Order.Status.NEW, placed_at__lt=cutoff
        )
    )
    for line in OrderLine.objects.filter(order__in=orders).order_by("product_id"):
        Product.objects.filter(pk=line.product_id).update(
            stock=F("stock") + line.quantity
        )
    return Order.objects.filter(pk__in=[order.pk for order in orders]).update(
        status=Order.Status.CANCELLED
    )
