"""Placing and viewing orders."""

from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from customers.models import Customer

from .emails import send_order_confirmation
from .forms import OrderForm
from .models import Order
from .services import OutOfStock, place_order


@require_http_methods(["GET", "HEAD", "POST"])
def place(request: HttpRequest) -> HttpResponse:
    """Show the order form, or place the order and confirm it by email."""
    form = OrderForm(request.POST or None, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            with transaction.atomic():
                customer, _ = Customer.objects.get_or_create(
                    email__iexact=data["email"],
                    defaults={"email": data["email"], "name": data["name"]},
                )
                order = place_order(customer, data["quantities"])
                transaction.on_commit(
                    lambda: send_order_confirmation(order.pk), robust=True
                )
        except OutOfStock as error:
            form.add_error(None, str(error))
        else:
            return redirect(order)
    return render(request, "orders/place.html", {"form": form})


@require_safe
def detail(request: HttpRequest, reference: UUID) -> HttpResponse:
    """Show one order to whoever knows its reference."""
    order = get_object_or_404(Order, reference=reference)
    lines = order.lines.select_related("product")
    return render(request, "orders/detail.html", {"order": order, "lines": lines})
