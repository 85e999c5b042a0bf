"""Which files a SharePoint library holds: the first listing, later ones, and names that are wrong."""

import pytest
from tap_sharepoint_orders.library import LibraryError

LINK = r"GET /v1.0/drives/b!drive-1/root/delta"


pytestmark = pytest.mark.usefixtures("filled")


def paths(library):
    return sorted(file.path for file in library.files())


@pytest.fixture
def filled(tenant):
    """Nine items on three pages, one of them outside the folder of the order lists."""
    for path in ("Orders/2026/acme.xlsx", "Orders/2026/zeta.xlsx", "Orders/beta.xlsx", "Elsewhere/other.xlsx"):
        tenant.put(path, path.encode())
    return tenant


@pytest.fixture
def later(library, filled):
    """Lists the library once, lets something happen, and lists it again from what was remembered."""

    def lists(happens=lambda: None, **options):
        first = library(**options)
        first.files()
        happens()
        filled.asked.clear()
        second = library(first.memory(), **options)
        return paths(second), [str(asked) for asked in filled.asked], second

    return lists


def test_the_first_listing_goes_through_all_pages_and_leaves_other_folders_out(library, filled):
    assert paths(library(folders=("Orders",))) == ["2026/acme.xlsx", "2026/zeta.xlsx", "beta.xlsx"]
    assert len(filled.asked_for(LINK)) == 3


def test_several_folders_come_with_their_own_paths(library):
    found = paths(library(folders=("Orders/2026", "/Elsewhere/")))
    assert found == ["Elsewhere/other.xlsx", "Orders/2026/acme.xlsx", "Orders/2026/zeta.xlsx"]


def test_a_file_below_two_of_the_folders_is_listed_once(library):
    assert paths(library(folders=("Orders", "Orders/2026"))).count("Orders/2026/acme.xlsx") == 1


def test_a_file_has_what_graph_tells_of_it(library, filled):
    [file] = [file for file in library().files() if file.name == "beta.xlsx"]
    item = filled.find("Orders/beta.xlsx")
    assert (file.path, file.size_bytes, file.etag) == ("Orders/beta.xlsx", item["size"], item["eTag"])
    assert file.modified_at.isoformat() == item["lastModifiedDateTime"].replace("Z", "+00:00")
    assert list(file.marks) == ["quickXorHash", "eTag"]  # delta tells no cTag
    assert len(file.file_id) == 32


def test_a_later_listing_asks_for_changes_only(later, filled):
    def happens():
        filled.put("Orders/2026/new.xlsx", b"new")
        filled.delete("Orders/beta.xlsx")
        filled.put("Elsewhere/not ours.xlsx", b"-")

    found, asked, _ = later(happens, folders=("Orders",))
    assert found == ["2026/acme.xlsx", "2026/new.xlsx", "2026/zeta.xlsx"]
    assert asked == [LINK]


def test_with_nothing_changed_one_request_is_enough(later):
    found, asked, _ = later(folders=("Orders",))
    assert found == ["2026/acme.xlsx", "2026/zeta.xlsx", "beta.xlsx"]
    assert asked == [LINK]


@pytest.mark.parametrize(
    "move",
    [
        ("Orders/2026", "Orders/2026 old", ["2026 old/acme.xlsx", "2026 old/zeta.xlsx", "beta.xlsx"]),
        ("Orders/2026", "Elsewhere/2026", ["beta.xlsx"]),
        ("Elsewhere", "Orders/Else", ["2026/acme.xlsx", "2026/zeta.xlsx", "Else/other.xlsx", "beta.xlsx"]),
        ("Elsewhere/other.xlsx", "Orders/o.xlsx", ["2026/acme.xlsx", "2026/zeta.xlsx", "beta.xlsx", "o.xlsx"]),
        ("Orders/beta.xlsx", "Elsewhere/beta.xlsx", ["2026/acme.xlsx", "2026/zeta.xlsx"]),
    ],
    ids=["folder renamed", "folder moved out", "folder moved in", "file moved in", "file moved out"],
)
def test_what_is_in_a_moved_folder_moves_with_it_though_graph_tells_the_folder_only(later, library, filled, move):
    source, target, expected = move
    found, _, again = later(lambda: filled.move(source, target), folders=("Orders",))
    assert found == expected
    assert paths(library(again.memory(), folders=("Orders",))) == expected
    assert paths(library(folders=("Orders",))) == expected


def test_what_is_in_a_deleted_folder_is_gone_with_it(later, filled):
    found, asked, _ = later(lambda: filled.delete("Orders/2026"), folders=("Orders",))
    assert found == ["beta.xlsx"]
    assert asked == [LINK]


def test_a_new_folder_with_files_is_listed_whole(later, filled):
    found, _, _ = later(lambda: filled.put("Orders/2027/a/b.xlsx", b"b"), folders=("Orders",))
    assert "2027/a/b.xlsx" in found


def test_a_file_renamed_keeps_its_id(library, filled):
    before = {file.path: file.file_id for file in library().files()}
    filled.move("Orders/beta.xlsx", "Orders/gamma.xlsx")
    after = {file.path: file.file_id for file in library().files()}
    assert after["Orders/gamma.xlsx"] == before["Orders/beta.xlsx"]


def test_a_page_that_repeats_items_counts_their_last_state(library, filled, answers):
    answer, _ = answers
    beta = filled.told(filled.find("Orders/beta.xlsx"))
    old, gone = {**beta, "name": "old name.xlsx"}, {**beta, "deleted": {}}
    filled.fault(
        LINK,
        answer(
            body={"value": [old, gone, old], "@odata.nextLink": f"{filled.url}/v1.0/drives/b!drive-1/root/delta?skip=0"}
        ),
    )
    assert paths(library(folders=("Orders",))) == ["2026/acme.xlsx", "2026/zeta.xlsx", "beta.xlsx"]


def test_pages_that_go_round_in_a_circle_end_in_a_listing_folder_by_folder(library, filled, answers, caplog):
    answer, _ = answers
    link = f"{filled.url}/v1.0/drives/b!drive-1/root/delta?skip=0"
    filled.fault(LINK, answer(body={"value": [], "@odata.nextLink": link}), times=9)
    listed = library(folders=("Orders",))
    assert paths(listed) == ["2026/acme.xlsx", "2026/zeta.xlsx", "beta.xlsx"]
    assert listed.memory() is None
    assert "again and again" in caplog.text


def test_after_months_away_everything_is_listed_again(later, library, filled):
    def happens():
        filled.delete("Orders/beta.xlsx")
        filled.oldest = filled.clock + 1

    found, _, again = later(happens, folders=("Orders",))
    assert found == ["2026/acme.xlsx", "2026/zeta.xlsx"]
    filled.oldest = 0
    assert paths(library(again.memory(), folders=("Orders",))) == found


def test_a_resync_while_listing_starts_where_graph_says(library, filled, answers):
    _, error = answers
    location = f"{filled.url}/v1.0/drives/b!drive-1/root/delta?fresh=1"
    filled.fault(LINK, error(410, "resyncRequired", Location=location))
    assert len(paths(library())) == 4
    assert filled.asked_for(LINK)[1].query == {"fresh": "1"}


@pytest.mark.parametrize("status", [400, 403, 404, 501])
def test_without_delta_folders_are_listed_one_by_one(library, filled, answers, status):
    _, error = answers
    filled.fault(LINK, error(status, "notSupported"), times=9)
    listed = library(folders=("Orders",))
    assert paths(listed) == ["2026/acme.xlsx", "2026/zeta.xlsx", "beta.xlsx"]
    assert listed.memory() is None


@pytest.mark.parametrize(
    "memory",
    [
        lambda memory: memory | {"delta_link": "https://elsewhere.example/v1.0/drives/b!drive-1/root/delta?token=1"},
        lambda memory: memory | {"settings": "other"},
        lambda _: {"left by": "another version"},
    ],
    ids=["another host", "other settings", "another version"],
)
def test_a_state_that_does_not_fit_is_only_slower(library, filled, memory):
    first = library()
    first.files()
    filled.asked.clear()
    assert len(paths(library(memory(first.memory())))) == 4
    assert len(filled.asked_for("/sites/")) == 2


def test_a_library_too_large_to_remember_is_listed_each_time(library, caplog):
    listed = library()
    listed.most = 3
    listed.files()
    assert listed.memory() is None
    assert "name the folder of the order lists in folder_path" in caplog.text


def test_a_library_is_known_by_its_title_and_by_its_address(library):
    for name in ("documents", "Shared Documents"):
        assert len(paths(library(drive=name))) == 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"drive": "Order List"}, "drive_name 'Order List' is no document library .* did you mean 'Order Lists'"),
        ({"drive": "Quatsch"}, "there are 'Documents', 'Order Lists', 'Site Assets'"),
        ({"folders": ("Order",)}, "folder_path 'Order' is not there: .*did you mean 'Orders'"),
        ({"folders": ("Orders/2025/x",)}, "'Orders' has no folder '2025': did you mean '2026'"),
        ({"folders": ("Orders/beta.xlsx",)}, "is a file: name the folder it is in"),
        ({"site": "https://contoso.sharepoint.com/sites/order"}, "site_url .*/sites/order is no site: copy"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "/".join(map(str, value.values())),
)
def test_a_wrong_name_is_told_with_the_near_ones(library, options, says):
    with pytest.raises(LibraryError, match=says):
        library(**options).files()


def test_near_sites_are_named_where_the_app_may_search(library, filled, answers):
    answer, _ = answers
    filled.fault(
        "GET /v1.0/sites$", answer(body={"value": [{"webUrl": "https://contoso.sharepoint.com/sites/orders"}]})
    )
    with pytest.raises(LibraryError, match=r"did you mean .https://contoso\.sharepoint\.com/sites/orders"):
        library(site="https://contoso.sharepoint.com/sites/order").files()


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        (["Mail.Read"], r"add the application permission Sites.Selected .*permissions now: Mail.Read"),
        ([], "permissions now: none"),
        (["Sites.Selected"], "grant the app the role read on this very site"),
    ],
)
def test_a_missing_permission_is_named(library, tokens, answers, roles, says):
    _, error = answers
    filled = tokens.tenant
    filled.roles = roles
    tokens.held = filled.token
    filled.fault("/sites/", error(403, "accessDenied", "Access denied"))
    with pytest.raises(LibraryError, match=says) as refused:
        library().files()
    assert "request-1" in str(refused.value)


def test_a_folder_of_folder_path_that_is_deleted_stops_the_run_rather_than_deleting_all(later, filled):
    with pytest.raises(LibraryError, match="folder_path 'Orders' is not there"):
        later(lambda: filled.delete("Orders"), folders=("Orders",))
