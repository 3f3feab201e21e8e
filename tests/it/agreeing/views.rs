//! What each of them says of the account, held against the log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::log::{License, Logged, who};
use super::{World, Writer};
use crate::ledger::encoded;

const CATALOG: &str = "/api/catalog/licenses";

/// The items of a list, by a member that says which one each is.
fn items<'a>(list: &'a Value, name: &str) -> &'a Vec<Value> {
    list[name].as_array().unwrap_or_else(|| panic!("no {name}: {list}"))
}

fn texts(list: &[Value], name: &str) -> BTreeSet<String> {
    let text = |it: &Value| it[name].as_str().unwrap().to_owned();
    let all: BTreeSet<String> = list.iter().map(text).collect();
    assert_eq!(all.len(), list.len(), "somebody is listed twice: {list:?}");
    all
}

impl World {
    /// Demands that `/v1` and all dialects say what the log says, and gives that back.
    pub async fn agree(&self) -> Logged {
        let logged = Logged::of(&self.ledger.nats().await).await;
        self.native_agrees(&logged).await;
        self.uipath_agrees(&logged).await;
        self.ibl_agrees(&logged).await;
        self.aladia_agrees(&logged).await;
        logged
    }

    async fn native(&self, path: &str, logged: &Logged) -> Value {
        let joint = if path.contains('?') { '&' } else { '?' };
        let path = format!("/v1/accounts/acme{path}{joint}min_sequence={}", logged.last);
        let answer = self.ledger.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    async fn native_agrees(&self, logged: &Logged) {
        let licenses = self.native("/licenses?limit=1000", logged).await;
        let text = |it: &Value| it.as_str().map(str::to_owned);
        let mut said = BTreeMap::new();
        for it in items(&licenses, "items") {
            let name = text(&it["license"]).unwrap();
            let numbers = [&it["quantity"], &it["used"], &it["allocated"], &it["available"]];
            let numbers = numbers.map(|it| it.as_i64().unwrap_or_default());
            let place = (text(&it["container"]), text(&it["parent"]), text(&it["product"]));
            said.insert(name.clone(), (it["number"].as_u64(), numbers, place));
            let path = format!("/licenses/{}/assignments?limit=1000", encoded(&name));
            let seats = self.native(&path, logged).await;
            assert_eq!(seats_of(items(&seats, "items")), live(&logged.licenses[&name]), "{name}");
        }
        let wanted = logged.licenses.iter().map(|(name, it)| {
            let allocated = logged.allocated(name);
            let available = (it.quantity - it.used() - allocated).max(0);
            let numbers = [it.quantity, it.used(), allocated, available];
            let place = (it.container.clone(), it.parent.clone(), Some(it.product.clone()));
            (name.clone(), (Some(it.number), numbers, place))
        });
        assert_eq!(said, wanted.collect(), "/v1 and the log");
        let holders = self.native("/holders?limit=1000", logged).await;
        let numbers = items(&holders, "items").iter();
        let numbers = numbers.map(|it| (who(&it["holder"]), it["number"].as_u64().unwrap()));
        assert_eq!(numbers.collect::<BTreeMap<_, _>>(), logged.people, "numbers of holders");
        for it in logged.people.keys().filter(|it| !logged.gone.contains(*it)) {
            let by = if it.contains('@') { "email" } else { "user" };
            let all = self.native(&format!("/assignments?{by}={}", encoded(it)), logged).await;
            let wanted = logged.licenses.values().filter(|all| all.live.contains_key(it)).count();
            assert_eq!(items(&all, "items").len(), wanted, "assignments of {it}");
        }
        let history = self.native("/history?limit=1000", logged).await;
        let told = items(&history, "items").iter().filter(|it| it["type"] != "KeyUsed");
        let told: Vec<_> = told
            .map(|it| {
                json!([it["sequence"], it["id"], it["type"], it["command"], it["via"], it["actor"]])
            })
            .collect();
        let lines = logged.events.iter();
        let lines: Vec<_> = lines
            .map(|it| {
                json!([
                    it["sequence"],
                    it["id"],
                    it["type"],
                    it["command"]["id"],
                    it["via"],
                    it["actor"]
                ])
            })
            .collect();
        assert_eq!(told, lines, "history and log");
    }

    async fn uipath_agrees(&self, logged: &Logged) {
        let last = logged.last;
        let base = "/lease_/api/account/acme";
        let path = format!("{base}/user-license/group/nobodies?min_sequence={last}");
        let bundles = self.read(Writer::Uipath, &path).await;
        let numbers =
            |it: &Value| ["total", "inUse", "allocated"].map(|name| it[name].as_i64().unwrap());
        let said = items(&bundles, "availableUserBundles").iter();
        let said: BTreeMap<_, _> =
            said.map(|it| (it["code"].as_str().unwrap().to_owned(), numbers(it))).collect();
        let mut wanted: BTreeMap<String, [i64; 3]> = BTreeMap::new();
        for (name, it) in logged.licenses.iter().filter(|it| it.1.parent.is_none()) {
            let sum = wanted.entry(it.product.clone()).or_default();
            let given = it.used() + logged.allocated(name);
            *sum = [sum[0] + it.quantity, sum[1] + it.used(), sum[2] + given];
        }
        assert_eq!(said, wanted, "bundles of UiPath and the log");
        let products: BTreeSet<&str> =
            logged.licenses.values().map(|it| it.product.as_str()).collect();
        let asked = json!({"EntitlementNames": products});
        for it in logged.people.keys() {
            let entitled = format!("/lease_/api/entitlements/acme/entitled?userId={}", encoded(it));
            let path = format!("{entitled}&min_sequence={last}");
            let said = self.call(Writer::Uipath, ("POST", &path), &asked, None).await.json();
            for product in &products {
                // An address means the user whom it names by now, or whoever is known by it alone.
                let whose = logged.linked.get(it).unwrap_or(it);
                let mut of = logged.licenses.values().filter(|it| it.product == *product);
                let may = of.any(|all| !all.suspended && all.holders().contains(whose));
                assert_eq!(said["isEntitled"][product], may, "{it} and {product}");
            }
        }
        for (group, grants) in &logged.groups {
            let users = format!("{base}/user-license/group/{group}/bulk-users?min_sequence={last}");
            let users = self.read(Writer::Uipath, &users).await;
            let ground = [format!("group:{group}"), format!("orphan:{group}")];
            let all = logged.licenses.values().flat_map(|it| &it.live);
            let on = all.filter(|it| ground.iter().any(|of| it.1.grounds.contains(of)));
            let on: BTreeSet<String> = on.map(|it| it.0.clone()).collect();
            assert_eq!(texts(items(&users, "results"), "id"), on, "users of {group}");
            let path = format!("{base}/user-license/group/{group}?min_sequence={last}");
            let given = self.read(Writer::Uipath, &path).await["allocatedUserBundles"].clone();
            let quota = self.read(Writer::Uipath, &path.replace('?', "/with-quota?")).await;
            // A code is a product, also where the rule names a license of it.
            let code = |it: &Value| match it["license"].as_str() {
                Some(it) => json!(logged.licenses[it].product),
                None => it["product"].clone(),
            };
            let codes: Vec<Value> = grants.iter().map(code).collect();
            assert_eq!(given, json!(codes), "what {group} gives");
            assert_eq!(quota["groupRule"]["userBundleCodes"], json!(codes), "what {group} gives");
        }
    }

    async fn ibl_agrees(&self, logged: &Logged) {
        let last = logged.last;
        for kind in ["course", "user"] {
            let base = format!("{CATALOG}/{kind}/");
            let path = format!("{base}?page_size=1000&min_sequence={last}");
            let listed = self.read(Writer::Ibl, &path).await;
            let mut said = BTreeMap::new();
            for it in items(&listed, "results") {
                let told = [&it["course_id"], &it["count"], &it["usage_count"], &it["active"]];
                said.insert(it["id"].as_u64().unwrap(), json!(told));
            }
            let of_kind = |it: &&License| kind_of(it) == kind;
            let wanted = logged.licenses.values().filter(of_kind).map(|it| {
                let course = it.product.strip_prefix("course:");
                (it.number, json!([course, it.quantity, it.used(), !it.suspended]))
            });
            assert_eq!(said, wanted.collect(), "licenses of ibl.ai and the log");
            for license in logged.licenses.values().filter(of_kind) {
                self.ibl_agrees_on(logged, &base, license).await;
            }
        }
    }

    async fn ibl_agrees_on(&self, logged: &Logged, base: &str, license: &License) {
        let (number, last) = (license.number, logged.last);
        let of = format!("license_id={number}&page_size=1000&min_sequence={last}");
        let listed = self.read(Writer::Ibl, &format!("{base}assignment/?{of}")).await;
        let told = items(&listed, "results").iter().map(|it| {
            let name = it["username"].as_str().unwrap().to_owned();
            (name, json!([it["id"], it["user_id"], it["active"], it["license_id"]]))
        });
        let wanted = license.live.iter().map(|(name, it)| {
            let person = logged.people.get(name);
            (name.clone(), json!([it.number, person, it.active, number]))
        });
        let (told, wanted): (BTreeMap<_, _>, BTreeMap<_, _>) = (told.collect(), wanted.collect());
        assert_eq!(told, wanted, "assignments of ibl.ai and the log");
        let groups = self.read(Writer::Ibl, &format!("{base}assignment/group/?{of}")).await;
        assert_eq!(texts(items(&groups, "results"), "group_name"), giving(logged, license));
    }

    async fn aladia_agrees(&self, logged: &Logged) {
        let asked = format!("courseId=c1&limit=1000&min_sequence={}", logged.last);
        let spaces = logged.containers.iter().map(String::as_str).chain(["acme"]);
        for space in spaces {
            let of = |it: &&License| {
                it.product == super::PRODUCT
                    && match space {
                        "acme" => it.parent.is_none(),
                        _ => it.container.as_deref() == Some(space),
                    }
            };
            let here: Vec<&License> = logged.licenses.values().filter(of).collect();
            let holders: BTreeSet<String> = here.iter().flat_map(|it| it.holders()).collect();
            let base = format!("/v2/spaces/{}/members", encoded(space));
            let said = self.read(Writer::Aladia, &format!("{base}/license-assigned?{asked}")).await;
            assert_eq!(texts(items(&said, "data"), "id"), holders, "{space} of Aladia and the log");
            assert_eq!(said["cursor"]["totalItems"], holders.len());
            let path = format!("{base}/license-assigned?{asked}&type=group");
            let said = self.read(Writer::Aladia, &path).await;
            let groups = here.iter().flat_map(|it| giving(logged, it)).collect();
            assert_eq!(texts(items(&said, "data"), "id"), groups, "groups of {space}");
            for licensed in [true, false] {
                let path = format!("{base}/search?{asked}&licensed={licensed}");
                let said = self.read(Writer::Aladia, &path).await;
                let everybody = logged.people.keys().filter(|it| !logged.gone.contains(*it));
                let wanted = everybody.filter(|it| holders.contains(*it) == licensed);
                let wanted: BTreeSet<String> = wanted.cloned().collect();
                assert_eq!(texts(items(&said, "data"), "id"), wanted, "members of {space}");
            }
        }
    }

    /// Everything that all of them say as of a sequence, byte for byte.
    pub async fn everything(&self, logged: &Logged) -> Vec<String> {
        let mut paths = vec![];
        let native =
            ["licenses", "assignments?ended=true", "holders", "history", "groups", "containers"];
        paths.extend(native.map(|it| (Writer::Http, format!("/v1/accounts/acme/{it}"))));
        let ids = logged.events.iter().map(|it| it["command"]["id"].as_str().unwrap());
        let ids: BTreeSet<&str> = ids.collect();
        let base = "/lease_/api/account/acme/user-license";
        paths.push((Writer::Uipath, format!("{base}/groups/with-quota")));
        for it in logged.groups.keys() {
            for rest in ["", "/with-quota", "/bulk-users"] {
                paths.push((Writer::Uipath, format!("{base}/group/{it}{rest}")));
            }
        }
        for kind in ["course", "user"] {
            paths.push((Writer::Ibl, format!("{CATALOG}/{kind}/?sort=id")));
        }
        for it in logged.licenses.values() {
            for rest in ["", "group/"] {
                let path =
                    format!("{CATALOG}/{}/assignment/{rest}?license_id={}", kind_of(it), it.number);
                paths.push((Writer::Ibl, path));
            }
        }
        for it in logged.containers.iter().map(String::as_str).chain(["acme"]) {
            let base = format!("/spaces/{}/members", encoded(it));
            paths.push((Writer::Aladia, format!("{base}/license-assigned?courseId=c1")));
            paths.push((Writer::Aladia, format!("{base}/search?courseId=c1")));
        }
        let mut said = vec![];
        for (writer, path) in paths {
            let joint = if path.contains('?') { '&' } else { '?' };
            for at in [logged.last, logged.last / 2] {
                let path = format!("{path}{joint}at={at}");
                let answer = self.call(writer, ("GET", &path), &Value::Null, None).await;
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                // What was not there yet is not there now.
                assert!([200, 404, 400].contains(&answer.status), "{path}: {body}");
                assert!(at < logged.last || answer.status == 200, "{path}: {body}");
                let trace = answer.json()["traceId"].as_str().unwrap_or("\0").to_owned();
                let told = format!("{path}: {} {body}", answer.status);
                // Addresses of other pages, and of this process, differ from one to the next.
                said.push(told.replace(&trace, "").replace(&self.ledger.http_url(), ""));
            }
        }
        for it in ids {
            let path = format!("/v1/accounts/acme/commands/{it}?min_sequence={}", logged.last);
            let answer = self.ledger.get(&path).await;
            said.push(format!("{path}: {}", String::from_utf8_lossy(&answer.body)));
        }
        said
    }
}

/// Of which kind ibl.ai takes a license to be.
fn kind_of(license: &License) -> &'static str {
    if license.product.starts_with("course:") { "course" } else { "user" }
}

/// What `/v1` says of assignments.
fn seats_of(items: &[Value]) -> BTreeMap<String, Value> {
    let seat = |it: &Value| {
        let grounds: BTreeSet<&str> =
            it["grounds"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let told = json!([it["assignment"], it["number"], it["active"], grounds]);
        (who(&it["holder"]), told)
    };
    items.iter().map(seat).collect()
}

/// What the log says of them.
fn live(license: &License) -> BTreeMap<String, Value> {
    let seat = |(name, it): (&String, &super::log::Seat)| {
        (name.clone(), json!([it.assignment, it.number, it.active, it.grounds]))
    };
    license.live.iter().map(seat).collect()
}

/// The groups that give a license, by its name or by its product; a part by its name alone.
fn giving(logged: &Logged, license: &License) -> BTreeSet<String> {
    let (name, _) = logged.licenses.iter().find(|it| it.1.number == license.number).unwrap();
    let gives = |it: &Value| match it["license"].as_str() {
        Some(it) => it == name,
        None => license.parent.is_none() && it["product"] == license.product.as_str(),
    };
    let groups = logged.groups.iter().filter(|it| it.1.iter().any(gives));
    groups.map(|it| it.0.clone()).collect()
}
