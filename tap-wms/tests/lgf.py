"""A loopback server that answers as Oracle WMS Cloud's entity module is documented to, with faults on demand.

`python lgf.py --records 100000 --latency 0.05` serves made rows, prints its address and ends with its standard input.
Written from the WMS REST API Guide, not from a tenant's answers.
"""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import json
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

PREFIX = "/env/wms/lgfapi/v10/entity/"
START = dt.datetime(2026, 3, 1, 8, 0, tzinfo=dt.UTC)
FIELDS = {
    "id": {"type": "integer", "required": True},
    "create_ts": {"type": "datetime", "required": True},
    "mod_ts": {"type": "datetime", "required": True},
    "facility_id": {"type": "relation", "required": True},
    "company_id": {"type": "relation", "required": True},
    "order_nbr": {"type": "string", "max_length": 50, "required": True},
    "ord_qty": {"type": "decimal", "required": False},
    "stop_ship_flg": {"type": "boolean", "required": False},
}
_NO_FACILITY = {name: field for name, field in FIELDS.items() if name not in {"facility_id", "company_id"}}
ENTITIES = {
    "order_hdr": FIELDS,
    "order_dtl": {**_NO_FACILITY, "order_id": {"type": "relation", "required": True}},
    "allocation": {**_NO_FACILITY, "order_dtl_id": {"type": "relation", "required": True}},
    "company": {"id": {"type": "integer"}, "code": {"type": "string", "max_length": 25}},
}


def error(status, code, message, **details):
    """Return an answer in the form of the guide's errors."""
    body = {"reference": str(uuid.uuid4()), "code": code, "message": message, "details": details or None}
    return status, json.dumps(body).encode()


class Lgf:
    """A running server.

    Attributes:
        rows: Entity to rows by id, with `mod_ts` as a moment.
        zone: Where set, times are written in it without an offset.
        faults: Called with a request before it is answered; the first answer that is not None counts, and is used up.
        before: Called with a request before it is answered.
        requests: The path and query of every list asked for.
        tokens: Bearer tokens that are accepted; None accepts any login.
    """

    def __init__(self, latency=0.0):
        self.rows = {name: {} for name in ENTITIES}
        self.zone = None
        self.faults = []
        self.before = None
        self.requests = []
        self.busiest = self.busy = 0
        self.tokens = None
        self.tokens_given = 0
        self.latency = latency
        self.date = True
        self.lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"lgf": self}))
        self._http.daemon_threads = True
        self.host = f"http://127.0.0.1:{self._http.server_port}"
        self.url = f"{self.host}/env"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def add(self, entity, id_, moment=None, **values):
        """Put a row in, or change it."""
        row = self.rows[entity].get(id_) or {"id": id_, "create_ts": START, **_values(entity, id_)}
        moment = moment or START + dt.timedelta(minutes=id_)
        self.rows[entity] = {**self.rows[entity], id_: {**row, "mod_ts": moment, **values}}

    def lists(self, entity):
        """Return the queries of the lists asked for of an entity, the sample left out."""
        found = [dict(parse_qsl(urlsplit(r).query)) for r in self.requests if f"/{entity}/?" in r]
        return found[1:]

    def answer(self, path, query):
        entity, _, operation = path.removeprefix(PREFIX).strip("/").partition("/")
        if not path.startswith(PREFIX):
            return 404, b"<html>no such environment</html>"
        if not entity:
            return 200, json.dumps({name: f"{self.url}{name}" for name in sorted(ENTITIES)}).encode()
        if entity not in ENTITIES:
            return error(404, "NOT_FOUND", "The requested resource was not found.")
        if operation == "describe":
            return 200, json.dumps({"parameters": list(ENTITIES[entity]), "fields": ENTITIES[entity]}).encode()
        return self._list(entity, path, query)

    def _list(self, entity, path, query):
        ordering = query.get("ordering", "id").split(",")
        rows = sorted(self.rows[entity].values(), key=lambda row: tuple(row[name] for name in ordering))
        for name, test in (("mod_ts__gte", "__ge__"), ("mod_ts__lt", "__lt__")):
            if name in query:
                bound = dt.datetime.fromisoformat(query[name])
                rows = [row for row in rows if getattr(row["mod_ts"], test)(bound)]
        if "id__gt" in query:
            rows = [row for row in rows if row["id"] > int(query["id__gt"])]
        for name, value in query.items():
            if name.endswith("_id__code"):
                relation = name.rpartition("__")[0].split("__")[-1]
                rows = [row for row in rows if (row.get(relation) or {}).get("key", value) == value]
        size = int(query.get("page_size", "100"))
        page, head = (self._cursor if query.get("page_mode") == "sequenced" else self._numbered)(
            rows, ordering[0], size, path, query
        )
        if not page:
            return error(404, "NOT_FOUND", "The requested resource was not found.")
        return 200, json.dumps({**head, "results": [self._shown(row) for row in page]}).encode()

    def _numbered(self, rows, _name, size, path, query):
        number = int(query.get("page", "1"))
        page = rows[(number - 1) * size : number * size]
        more = len(rows) > number * size
        link = f"{self.host}{path}?{urlencode({**query, 'page': number + 1})}" if more else None
        head = {"result_count": len(rows), "page_count": -(-len(rows) // size), "page_nbr": number}
        return page, {**head, "next_page": link, "previous_page": None}

    def _cursor(self, rows, name, size, path, query):
        # A place in the order: the first field's value and how many rows of it have been given.
        if "cursor" in query:
            place, given = json.loads(base64.urlsafe_b64decode(query["cursor"]))
            rows = [row for row in rows if str(row[name]) >= str(place)][given:]
        page = rows[:size]
        link = None
        if len(rows) > size:
            last = str(page[-1][name])
            given = sum(str(row[name]) == last for row in page)
            if "cursor" in query and last == place:
                given += json.loads(base64.urlsafe_b64decode(query["cursor"]))[1]
            cursor = base64.urlsafe_b64encode(json.dumps([last, given]).encode()).decode()
            link = f"{self.host}{path}?{urlencode({**query, 'cursor': cursor})}"
        return page, {"next_page": link, "previous_page": None}

    def _shown(self, row):
        shown = dict(row)
        for name in ("create_ts", "mod_ts"):
            if isinstance(row.get(name), dt.datetime):
                moment = row[name].astimezone(self.zone or dt.UTC)
                shown[name] = (moment.replace(tzinfo=None) if self.zone else moment).isoformat(timespec="microseconds")
        return shown


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    lgf: Lgf

    def log_message(self, *_args):
        pass

    def do_POST(self):
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        wanted = "Basic " + base64.b64encode(b"client:s3cret").decode()
        if self.headers.get("Authorization") != wanted or form.get("grant_type") != "client_credentials":
            return self._send(401, b'{"error": "invalid_client", "error_description": "s3cret is wrong"}')
        self.lgf.tokens_given += 1
        token = f"token-{self.lgf.tokens_given}"
        self.lgf.tokens = {token}
        return self._send(200, json.dumps({"access_token": token, "expires_in": 3600}).encode())

    def do_GET(self):
        lgf = self.lgf
        with lgf.lock:
            lgf.busy += 1
            lgf.busiest = max(lgf.busiest, lgf.busy)
        try:
            if lgf.latency:
                threading.Event().wait(lgf.latency)
            answer = self._answer()
        finally:
            with lgf.lock:
                lgf.busy -= 1
        self._send(*answer)

    def _answer(self):
        lgf, parts = self.lgf, urlsplit(self.path)
        with lgf.lock:
            lgf.requests.append(self.path)
            if lgf.before:
                lgf.before(self.path)
            for fault in list(lgf.faults):
                if (answer := fault(self.path)) is not None:
                    lgf.faults.remove(fault)
                    return answer
        if lgf.tokens is not None and self.headers.get("Authorization", "")[7:] not in lgf.tokens:
            return error(401, "UNAUTHORIZED", "Invalid login.")
        return lgf.answer(parts.path, dict(parse_qsl(parts.query)))

    def _send(self, status, body):
        self.send_response(status)
        if not self.lgf.date:
            self._headers_buffer = [line for line in self._headers_buffer if not line.startswith(b"Date")]
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _values(entity, id_):
    values = {"order_nbr": f"ORD{id_:06d}", "ord_qty": f"{id_ % 50}.50", "stop_ship_flg": id_ % 2 == 0}
    for name, field in ENTITIES[entity].items():
        if field["type"] == "relation":
            key = {"facility_id": f"DC{id_ % 2 + 1}", "company_id": "AAG"}.get(name, f"{name[:3].upper()}{id_}")
            values[name] = {"id": id_, "key": key, "url": f"http://127.0.0.1{PREFIX}{name}/{id_}"}
    return values


class Recorded(Lgf):
    """Answers from files: lists of path, query, status and body, with this server in the place of BASE.

    Attributes:
        missed: What was asked for and is not in the files.
    """

    BASE = "https://wms.example"

    def __init__(self, exchanges):
        self.exchanges = exchanges
        self.missed = []
        super().__init__()

    def answer(self, path, query):
        for exchange in self.exchanges:
            if exchange["path"] == path.removeprefix(PREFIX) and exchange["query"] == query:
                return exchange["status"], json.dumps(exchange["body"]).replace(self.BASE, self.host).encode()
        self.missed.append((path, query))
        return error(400, "NOT_RECORDED", f"{path} {query}")


def main():
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds before each answer")
    parser.add_argument("--columns", type=int, default=40, help="fields of a row")
    options = parser.parse_args()
    more = {f"cust_field_{n}": f"value {n}" for n in range(options.columns - len(FIELDS))}
    server = _Prepared(options.records, more, options.latency)
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.close()


class _Prepared(Lgf):
    """Serves one entity whose rows and pages are made before, so that their making is not measured."""

    def __init__(self, records, more, latency):
        self._rows = [
            json.dumps({**_values("order_hdr", n), **more, "id": n, "create_ts": _text(n), "mod_ts": _text(n)})
            for n in range(records)
        ]
        super().__init__(latency)

    def _list(self, _entity, path, query):
        # The place is the row's number; of the filters, only mod_ts__gte is known: a row a second.
        at = int(query.get("cursor", "0"))
        if "mod_ts__gte" in query:
            at = max(at, int((dt.datetime.fromisoformat(query["mod_ts__gte"]) - START).total_seconds()))
        size = int(query["page_size"])
        rows = self._rows[at : at + size]
        if not rows:
            return error(404, "NOT_FOUND", "The requested resource was not found.")
        more = at + size < len(self._rows)
        link = json.dumps(f"{self.host}{path}?{urlencode({**query, 'cursor': at + size})}" if more else None)
        return 200, f'{{"next_page": {link}, "results": [{",".join(rows)}]}}'.encode()


def _text(number):
    return (START + dt.timedelta(seconds=number)).isoformat(timespec="microseconds")


NEW_YORK = ZoneInfo("America/New_York")

if __name__ == "__main__":
    main()
