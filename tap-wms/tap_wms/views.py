"""The `views` setting, and the views as the databases have them: which connection, which columns, of what type."""

from __future__ import annotations

import difflib
import logging
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tap_wms.columns import JsonSchema, json_schema
from tap_wms.database import Database, connect, reading_failed
from tap_wms.errors import TapError
from tap_wms.query import Query, read_query
from tap_wms.view import SETTING, View
from tap_wms.windows import WHOLE, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import Inspector
    from sqlalchemy.sql.type_api import TypeEngine

logger = logging.getLogger("tap-wms.views")

#: What the tap adds to every record; a view's own column of such a name would be lost.
ADDED = ("load_id", "connection", "row_hash", "occurrence", "row_number")

#: Read when `views` is empty. Packed is read whole: a carton leaves that view when it is shipped.
DEFAULT_VIEWS = (
    View("packed_products", table="v_packed_products"),
    View("shipped", table="v_shipped", replication_key="Shipped_Date"),
    View("master_order_list", table="v_master_order_list"),
)

#: Streams whose key is the contract with the loader: a load is appended whole.
STREAMS_OF_LOADS = frozenset(view.stream for view in DEFAULT_VIEWS)


@dataclass(frozen=True)
class Source:
    """A view found in one database.

    Attributes:
        view: The entry of `views` it answers.
        database: Where it was found.
        relation: What to select from.
        columns: Name to JSON schema, in the view's order.
        replication_key: The key's name as the view spells it.
        key_is_text: Whether the key is compared as ISO text; `None` while no row has a value in it.
        query: The query of a query file, whose parameters are bound each time it is executed.
    """

    view: View
    database: Database
    relation: sa.FromClause
    columns: Mapping[str, JsonSchema]
    replication_key: str | None = None
    key_is_text: bool | None = None
    query: Query | None = None

    def parameters(self, window: Window) -> dict[str, object]:
        """Return what is bound to the query's parameters when a window is read; nothing for a table or view."""
        return {} if self.query is None else self.query.values(window)


def parse_views(entries: Sequence[Mapping[str, Any]], databases: Mapping[str, Database]) -> list[View]:
    """Read the `views` setting, whose form the tap's JSON schema has checked already.

    Raises:
        TapError: An entry contradicts itself, another entry or `connections`.
    """
    return [_parse_view(index, entry, databases) for index, entry in enumerate(entries)] or list(DEFAULT_VIEWS)


def _parse_view(index: int, entry: Mapping[str, Any], databases: Mapping[str, Database]) -> View:
    given = {name: value for name, value in entry.items() if value is not None}
    view = View(**{**given, "primary_keys": tuple(given.get("primary_keys", ()))})
    place = f"{SETTING}: views[{index}] (stream {view.stream})"
    if view.stream == "loads":
        raise TapError(f"{place}: `loads` is the stream of the tap's own records; choose another name")
    if bool(view.table) == bool(view.query_file):
        raise TapError(f"{place}: give either `table` or `query_file`")
    known = ", ".join(databases)
    # The unknown name is not repeated: it may be a URL put in the wrong place.
    if view.connection is not None and view.connection not in databases:
        raise TapError(f"{place}: `connection` is not the name of one of `connections`, which are: {known}")
    if view.query_file and view.connection is None and len(databases) > 1:
        raise TapError(f"{place}: a query_file needs a `connection`, one of: {known}")
    if view.parameters and not view.query_file:
        raise TapError(f"{place}: `parameters` are those of a query_file; a table has none")
    if view.primary_keys and view.stream in STREAMS_OF_LOADS:
        raise TapError(f"{place}: leave out `primary_keys`; its key is load_id, row_hash, occurrence")
    return view


def find_sources(views: Iterable[View], databases: Mapping[str, Database]) -> list[Source]:
    """Look every view up in its connection, or in all where none is named.

    Each database is connected to once. A view without a named connection may be missing from some, not from all.

    Returns:
        The sources, in the order of `views`, then of `databases`.

    Raises:
        TapError: A view is nowhere (with the nearest names), or a database cannot be read.
    """
    views = list(views)
    found: dict[tuple[int, str], Source] = {}
    nearest: dict[tuple[int, str], list[str]] = {}
    for database in databases.values():
        wanted = [(i, view) for i, view in enumerate(views) if view.connection in {None, database.name}]
        if not wanted:
            continue
        with connect(database) as connection:
            for i, view in wanted:
                try:
                    source = _describe(connection, database, view)
                    if source:
                        found[i, database.name] = source
                    else:
                        nearest[i, database.name] = _nearest_names(sa.inspect(connection), view)
                except sa.exc.SQLAlchemyError as error:
                    raise reading_failed(database, str(view), error) from None

    for i, view in enumerate(views):
        places = {name: near for (j, name), near in nearest.items() if j == i}
        if places and not any(j == i for j, _ in found):
            raise _not_found(view, places, databases)
        for name in places:
            logger.info("%s is not on connection '%s'", view, name)
    _check_units(found.values())
    order = list(databases)
    return [found[key] for key in sorted(found, key=lambda key: (key[0], order.index(key[1])))]


def _check_units(sources: Iterable[Source]) -> None:
    units = Counter((source.view.stream, source.database.name) for source in sources)
    for (stream, name), count in units.items():
        if count > 1:
            raise TapError(
                f"{SETTING}: stream {stream} is read {count} times from connection '{name}'; a load is one view, so "
                "give each entry its own stream or `connection`, or join the views in a query_file"
            )


def _not_found(view: View, places: Mapping[str, list[str]], databases: Mapping[str, Database]) -> TapError:
    looked = "; ".join(
        f"{databases[name]}, nearest names: {', '.join(near) or 'none'}" for name, near in places.items()
    )
    return TapError(
        f"{view} (stream {view.stream}) does not exist, or the user may not see it: looked in {looked}; "
        f"name the right one in {SETTING}, or grant SELECT on it"
    )


def _split(table: str) -> tuple[str | None, str]:
    schema, _, name = table.rpartition(".")
    return schema or None, name


def _nearest_names(inspector: Inspector, view: View) -> list[str]:
    schema, name = _split(view.table or "")
    try:
        names = [*inspector.get_view_names(schema), *inspector.get_table_names(schema)]
    except sa.exc.SQLAlchemyError:  # no such schema; the nearest names are only a courtesy
        return []
    by_folded = {known.casefold(): known for known in names}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=3)
    return [f"{schema}.{by_folded[n]}" if schema else by_folded[n] for n in near]


def _describe(connection: sa.Connection, database: Database, view: View) -> Source | None:
    """Return the view as it stands in this database, or `None` where it does not stand."""
    relation: sa.FromClause
    query: Query | None = None
    if view.query_file:
        query = read_query(view, connection.dialect.name)
        names = _query_columns(connection, database, view, query)
        relation = query.text.columns(*(sa.column(name) for name in names)).subquery("q")
        # Drivers describe a query's columns each in its own way, so its values tell their types.
        columns: dict[str, JsonSchema] = {name: {"type": ["string", "number", "boolean", "null"]} for name in names}
        types: dict[str, TypeEngine[Any]] = {}
    else:
        schema, name = _split(view.table or "")
        inspector = sa.inspect(connection)
        if not inspector.has_table(name, schema=schema):
            return None
        with warnings.catch_warnings():
            # "Did not recognize type": it is read as text.
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            reflected = inspector.get_columns(name, schema=schema)
        dialect = connection.dialect.name
        types = {column["name"]: column["type"] for column in reflected}
        columns = {c["name"]: json_schema(c["type"], dialect, nullable=c["nullable"]) for c in reflected}
        relation = sa.table(name, *(sa.column(n) for n in columns), schema=schema)
    _check_names(database, view, columns)
    key = _replication_key(database, view, columns)
    source = Source(view, database, relation, columns, key, query=query)
    if key is None:
        return source
    return replace(source, key_is_text=_key_is_text(connection, source, relation.c[key], types.get(key)))


def _check_names(database: Database, view: View, columns: Mapping[str, JsonSchema]) -> None:
    if taken := [name for name in ADDED if name in columns]:
        raise TapError(
            f"{database}: {view} has a column {taken[0]}, which the tap adds itself; rename it, in the view or by "
            "reading it through a query_file"
        )
    if missing := [name for name in view.primary_keys if name not in {*columns, *ADDED}]:
        raise TapError(
            f"{database}: {view} has no column {missing[0]}, which its `primary_keys` in {SETTING} name; "
            f"it has: {', '.join(columns)}"
        )


def _replication_key(database: Database, view: View, columns: Mapping[str, JsonSchema]) -> str | None:
    """Return the key as the view spells it: databases fold names to upper or lower case."""
    if view.replication_key is None:
        return None
    if view.replication_key in columns:
        return view.replication_key
    by_folded = {name.casefold(): name for name in columns}
    name = by_folded.get(view.replication_key.casefold())
    if name is None:
        raise TapError(
            f"{database}: {view} has no column {view.replication_key}, which its `replication_key` in {SETTING} "
            f"names; it has: {', '.join(columns)}"
        )
    return name


def _key_is_text(
    connection: sa.Connection, source: Source, key: sa.ColumnElement[Any], sql_type: TypeEngine[Any] | None
) -> bool | None:
    if connection.dialect.name == "sqlite":  # whatever is declared, days are stored as text
        return True
    if sql_type is None:
        first = sa.select(key).where(key.is_not(None)).limit(1)
        value = connection.execute(first, source.parameters(WHOLE)).scalar()
        return None if value is None else isinstance(value, str)
    if isinstance(sql_type, sa.Date | sa.DateTime):
        return False
    if isinstance(sql_type, sa.String):
        return True
    raise TapError(
        f"{source.database}: the replication key {key.key} of {source.view} is {sql_type!s}; windows are of "
        f"days, so choose a date, a date-time or ISO text in {SETTING}"
    )


def _query_columns(connection: sa.Connection, database: Database, view: View, query: Query) -> list[str]:
    nothing = sa.select(sa.text("*")).select_from(query.text.columns().subquery("q")).where(sa.text("1 = 0"))
    names = list(connection.execute(nothing, query.values(WHOLE)).keys())
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TapError(f"{database}: {view} has the column {twice[0]} twice; give one of them another name with AS")
    return names
