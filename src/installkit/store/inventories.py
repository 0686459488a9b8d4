from installkit.store.database import StoreDatabase
from installkit.store.tables import InventoryRow

_REPLACE_INVENTORY = "INSERT OR REPLACE INTO inventory (site, document) VALUES (?, ?)"


class HeldInventories:
    """The inventories that are held here, as text."""

    _db: StoreDatabase

    def save_inventory(self, site: str, text: str) -> None:
        """Store *text* as the inventory of *site*."""
        self._db.unit(lambda: self._db.write_rows(_REPLACE_INVENTORY, [(site, text)]))

    def inventory(self, site: str) -> str | None:
        """Return the inventory of *site*; None if it is not held here."""
        found = InventoryRow.select().where(InventoryRow.site == site)
        texts: list[str] = self._db.read(lambda: [row.document for row in found.execute(self._db)])
        return texts[0] if texts else None
