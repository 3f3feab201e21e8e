#!/usr/bin/env python3
"""Drives the Python SDK of ibl.ai against a ledger: every kind of call, every answer in its model."""

import argparse
import json
import urllib.request
import uuid
from datetime import datetime, timezone

import iblai
from iblai import models
from iblai.api.catalog_api import CatalogApi
from iblai.exceptions import (
    ApiException,
    BadRequestException,
    NotFoundException,
    UnauthorizedException,
)

PLATFORM = f"sdk-python-{uuid.uuid4().hex[:8]}"


class Ledger:
    """The ledger's own API, for what the dialect has no call for: people and groups."""

    def __init__(self, http, key):
        self.http, self.key = http, key

    def ask(self, path, document=None):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.http}/v1/accounts/{PLATFORM}/{path}", body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def send(self, kind, document):
        return self.ask(f"commands/{kind}", document)["sequence"]


def told(response, model=None):
    """What an answer of the SDK says: its methods give back the bare answer, its models read it."""
    body = response.data.decode()
    if not 200 <= response.status <= 299:
        raise ApiException.from_response(http_resp=response, body=body, data=None)
    if model is None:
        assert body == "", body
        return None
    return getattr(models, model).from_json(body)


def refused(kind, call, code):
    """The call must fail with this error of the SDK, and with this code of ours."""
    try:
        call()
    except kind as error:
        said = json.loads(error.body)
        assert said["code"] == code and isinstance(said["detail"], str), said
        return said
    raise AssertionError(f"not refused with {code}")


def client(http, key):
    configuration = iblai.Configuration(host=http)
    if key:
        configuration.api_key["PlatformApiKeyAuthentication"] = key
        configuration.api_key_prefix["PlatformApiKeyAuthentication"] = "Api-Key"
    return CatalogApi(iblai.ApiClient(configuration))


def one_kind(api, kind, of, user, group):
    """A license of a kind, from its creation to the end of its last assignment."""

    title = kind.capitalize()

    def call(rest, *given, model=None, **named):
        return told(getattr(api, f"catalog_licenses_{kind}_{rest}")(*given, **named), model)

    def body(rest, **members):
        name = {"create": "Create", "update": "Update"}.get(rest, rest)
        suffix = "Detail" if kind == "program" and rest in ("create", "update") else ""
        model = getattr(models, f"{kind.capitalize()}License{name}{suffix}")
        return model(**members)

    started = datetime(2026, 1, 1, tzinfo=timezone.utc)
    detail, page = f"{title}LicenseDetail", f"Paginated{title}License"

    def create(**more):
        return call(
            "create_create",
            body("create", platform_key=PLATFORM, started=started, external_id=f"sdk-{kind}",
                 **of, **more),
            model=detail,
        )

    made = create(name=f"{kind} seats", count=2, metadata={"region": "eu"}, source="sdk")
    assert (made.count, made.active, made.metadata) == (2, True, {"region": "eu"}), made
    refused(BadRequestException, lambda: create(name="x", count=1), "external_id_taken")

    def update(license_id, **more):
        given = body("update", license_id=license_id, transaction_id="TX-1", **more)
        return call("update_create", given, model=detail)

    # Nothing says which platform: a key of every account need not.
    changed = update(made.id, count=3, name="renamed", change_type="renewal")
    assert (changed.count, changed.name, changed.external_id) == (3, "renamed", made.external_id)
    refused(NotFoundException, lambda: update(10**9, name="x"), "license_not_found")

    def listed(**filters):
        return call("retrieve", platform_key=PLATFORM, model=page, **filters)

    found = listed(active=True, sort="-id", page_size=5, verbose=True)
    assert (found.count, found.results[0].id, found.next_page) == (1, made.id, None), found
    assert listed(external_id="none").count == 0
    if kind == "platform":
        return

    shown, given_by = f"{title}LicenseAssignmentDetail", f"{title}LicenseGroupAssignmentDetail"
    at = {"platform_key": PLATFORM}

    def assigned(**who):
        given = body("AssignmentCreate", license_id=made.id, **at, **who)
        return call("assignment_create", made.id, given, model=shown)

    first = assigned(user_id=user, metadata={"n": 1})
    assert (first.user_id, first.username, first.active) == (user, "ada", True), first
    again = assigned(email="ada@example.com", fulfilled=True)
    assert (again.id, again.fulfilled) == (first.id, True), again
    second = assigned(email="new@example.com")
    assert second.email == "new@example.com", second
    assert second.user_id and (second.username is None) == (kind == "program"), second
    refused(NotFoundException, lambda: assigned(user_id=10**9), "user_not_found")
    refused(BadRequestException, lambda: assigned(email="no address"), "invalid")

    def granted():
        given = body("GroupAssignmentCreate", license_id=made.id, group_id=group, **at)
        return call("assignment_group_create", made.id, given, model=given_by)

    def assignments():
        model = f"Paginated{title}LicenseAssignment"
        return call("assignment_retrieve", made.id, sort="id", model=model, **at)

    def groups():
        model = f"Paginated{title}LicenseGroupAssignment"
        return call("assignment_group_retrieve", made.id, model=model, **at).results

    refused(BadRequestException, granted, "no_seats_available")
    call("assignment_destroy", second.id, made.id, **at)
    gone = lambda: call("assignment_destroy", second.id, made.id, **at)
    refused(NotFoundException, gone, "assignment_not_found")
    given = granted()
    assert (given.group_id, given.group_name) == (group, "Staff"), given
    assert [it.id for it in groups()] == [given.id], groups()
    assert assignments().count == 3, assignments()
    call("assignment_group_destroy", given.id, made.id, **at)
    assert (groups(), assignments().count) == ([], 1)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--http", required=True)
    arguments.add_argument("--key", required=True, help="of every account")
    given = arguments.parse_args()
    ledger, api = Ledger(given.http, given.key), client(given.http, given.key)
    ada = {"user": "ada", "email": "ada@example.com"}
    ledger.send("RegisterHolder", {"holder": ada})
    members = {"group": "staff", "name": "Staff", "holders": [{"user": "bo"}, {"user": "cy"}]}
    sequence = ledger.send("AddMembers", members)
    user = ledger.ask(f"holders/ada?min_sequence={sequence}")["number"]
    group = ledger.ask(f"groups/staff?min_sequence={sequence}")["number"]
    kinds = {
        "user": {},
        "course": {"course_id": "course-v1:sdk+1+2026"},
        "program": {"program_key": "sdk-program"},
        "platform": {},
    }
    for kind, of in kinds.items():
        one_kind(api, kind, of, user, group)
        print(f"python SDK: {kind} licenses: as documented")
    open_api = client(given.http, None)

    def check(email):
        return told(open_api.catalog_licenses_user_assignment_check_retrieve(email))

    check("ada@example.com")
    try:
        check("nobody@example.com")
        raise AssertionError("nobody has a license")
    except NotFoundException:
        pass
    for given, code in ((None, "not_authenticated"), ("slk_garbled", "authentication_failed")):
        lists = client(ledger.http, given).catalog_licenses_user_retrieve
        refused(UnauthorizedException, lambda: told(lists()), code)
    print("python SDK: check and keys: as documented")


if __name__ == "__main__":
    main()
