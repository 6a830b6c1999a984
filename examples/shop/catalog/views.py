"""Public product pages."""

from django.views.generic import DetailView, ListView

from .models import Product


class ProductListView(ListView):
    """All products on sale."""

    queryset = Product.objects.filter(is_active=True).select_related("category")


class ProductDetailView(DetailView):
    """One product on sale."""

    queryset = Product.objects.filter(is_active=True).select_related("category")
