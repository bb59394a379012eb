"""Collections of the loopback Hub: create, list, get, add an item."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any


class Collections:
    """Mixed into the loopback Hub's request handler."""

    body: bytes
    query: str
    _reply: Any
    _may_write: Any

    def create_collection(self, hub: Any, match: dict[str, Any]) -> None:
        if not self._may_write():
            return
        asked = json.loads(self.body)
        slug = f"{asked['namespace']}/{asked['title'].lower().replace(' ', '-')}-{len(hub.collections):024x}"
        hub.collections[slug] = {
            "slug": slug,
            "title": asked["title"],
            "description": asked.get("description", ""),
            "owner": {"name": asked["namespace"]},
            "items": [],
            "lastUpdated": "2026-11-21T00:00:00.000Z",
            "position": 0,
            "private": asked["private"],
            "theme": "pink",
            "upvotes": 0,
        }
        self._reply(hub.collections[slug])

    def collections(self, hub: Any, match: dict[str, Any]) -> None:
        owner = urllib.parse.parse_qs(self.query).get("owner", [""])[0]
        owned = [collection for collection in hub.collections.values() if collection["owner"]["name"] == owner]
        listed = [{key: value for key, value in collection.items() if key != "position"} for collection in owned]
        # as the Hub's listing: four items at most
        self._reply([collection | {"items": collection["items"][:4]} for collection in listed])

    def collection(self, hub: Any, match: dict[str, Any]) -> None:
        self._reply(hub.collections[match["slug"]])

    def add_to_collection(self, hub: Any, match: dict[str, Any]) -> None:
        if not self._may_write():
            return
        asked, collection = json.loads(self.body), hub.collections[match["slug"]]
        if any(item["id"] == asked["item"]["id"] for item in collection["items"]):
            return self._reply({"error": "Item already in the collection"}, 409)
        number = len(collection["items"])
        note = {"text": asked["note"]} if asked.get("note") else None
        collection["items"].append({"_id": f"{number:024x}", **asked["item"], "position": number, "note": note})
        self._reply(collection)
