"""The order form."""

from typing import Any

from django import forms

from catalog.models import Product


class OrderForm(forms.Form):
    """Name, email and one quantity field for each product on sale."""

    name = forms.CharField(max_length=200)
    email = forms.EmailField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.products = list(Product.objects.filter(is_active=True))
        for product in self.products:
            self.fields[f"quantity_{product.pk}"] = forms.IntegerField(
                label=f"{product.name} (€{product.price})",
                min_value=0,
                max_value=1000,
                required=False,
            )

    def clean(self) -> dict[str, Any]:
        """Collect the quantities by product id."""
        data = super().clean() or self.cleaned_data
        data["quantities"] = {
            product.pk: quantity
            for product in self.products
            if (quantity := data.get(f"quantity_{product.pk}"))
        }
        if not data["quantities"] and not self.errors:
            raise forms.ValidationError("Please choose at least one product.")
        return data
