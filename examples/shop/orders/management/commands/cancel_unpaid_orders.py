"""Cancel orders that were never paid."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders.services import cancel_unpaid_orders


class Command(BaseCommand):
    help = "Cancel orders that have been unpaid for too long and restock them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=7)

    def handle(self, *args: Any, **options: Any) -> None:
        count = cancel_unpaid_orders(options["days"])
        self.stdout.write(f"Cancelled {count} unpaid orders.")
