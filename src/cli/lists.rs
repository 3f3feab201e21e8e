//! `seatledger groups`, `group`, `holders`, `holder`, `policies`, `waitlist`, `containers` and
//! `schedules`: what is known to a running ledger, as tables.

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::asking::{When, say_sequence};
use super::remote::encoded;
use super::{Exit, Global, output};

/// What every one of them takes.
#[derive(Debug, Args)]
struct Of {
    /// In which account
    account: String,
    #[command(flatten)]
    when: When,
}

type Filters<const N: usize> = [(&'static str, Option<String>); N];

impl Of {
    /// All items of a list of the account.
    async fn list<const N: usize>(
        &self,
        global: &Global,
        below: &str,
        filters: Filters<N>,
    ) -> anyhow::Result<Value> {
        let path = format!("/v1/accounts/{}/{below}", encoded(&self.account));
        self.when.asking(global)?.list(&path, &filters, usize::MAX).await
    }

    /// One thing of the account with all items of a list below it, both as of the same sequence. The
    /// items become a member of it.
    async fn one_with(
        &self,
        global: &Global,
        below: &str,
        name: &str,
        (listed, member): (&str, &str),
    ) -> anyhow::Result<Value> {
        let asking = self.when.asking(global)?;
        let path = format!("/v1/accounts/{}/{below}/{}", encoded(&self.account), encoded(name));
        let mut one = asking.get(&path, &[]).await?;
        let asking = asking.at_that_of(&one);
        let mut all = asking.list(&format!("{path}/{listed}"), &[], usize::MAX).await?;
        one[member] = all["items"].take();
        Ok(one)
    }
}

/// Prints an answer: as JSON on request, else its items as rows.
fn show(
    global: &Global,
    answer: &Value,
    head: &[&str],
    rows: impl Fn(&Value) -> Vec<Vec<String>>,
) -> Exit {
    match global.json {
        true => output::json(answer),
        false => {
            output::table(head, items(&answer["items"]).iter().flat_map(rows).collect());
            say_sequence(answer);
        }
    }
    Exit::Done
}

fn items(of: &Value) -> &[Value] {
    of.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Members of an item as cells.
fn cells(item: &Value, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| output::cell(&item[*name])).collect()
}

/// A holder as people name one.
pub(super) fn who(holder: &Value) -> String {
    match holder["user"].is_string() {
        true => output::cell(&holder["user"]),
        false => output::cell(&holder["email"]),
    }
}

/// Several words as one cell.
fn words(of: &Value) -> String {
    items(of).iter().map(output::cell).collect::<Vec<_>>().join(" ")
}

/// A license by its name, or a product.
fn what(item: &Value) -> String {
    match item["license"].is_string() {
        true => output::cell(&item["license"]),
        false => format!("any {}", output::cell(&item["product"])),
    }
}

#[derive(Debug, Args)]
pub(super) struct Groups {
    #[command(flatten)]
    of: Of,
}

impl Groups {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let answer = self.of.list(global, "groups", []).await?;
        let row = |it: &Value| {
            let gives: Vec<String> = items(&it["grants"]).iter().map(what).collect();
            let mut row = cells(it, &["group", "name", "members"]);
            row.push(gives.join(", "));
            vec![row]
        };
        Ok(show(global, &answer, &["group", "name", "members", "gives"], row))
    }
}

#[derive(Debug, Args)]
pub(super) struct Group {
    #[command(flatten)]
    of: Of,
    /// Which group
    group: String,
}

impl Group {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let listed = ("members", "member_list");
        let group = self.of.one_with(global, "groups", &self.group, listed).await?;
        if global.json {
            output::json(&group);
            return Ok(Exit::Done);
        }
        let grant = |it: &Value| {
            let mut row = vec![what(it)];
            row.extend(cells(it, &["mode", "quota", "leases", "waiting"]));
            row
        };
        let grants = items(&group["grants"]).iter().map(grant).collect();
        output::table(&["gives", "mode", "quota", "leases", "waiting"], grants);
        let member = |it: &Value| {
            let mut row = vec![who(&it["holder"])];
            row.extend(cells(it, &["place", "since"]));
            row
        };
        let members = items(&group["member_list"]).iter().map(member).collect();
        output::table(&["member", "place", "since"], members);
        say_sequence(&group);
        Ok(Exit::Done)
    }
}

#[derive(Debug, Args)]
pub(super) struct Holders {
    #[command(flatten)]
    of: Of,
    /// Only everybody known by this e-mail address
    #[arg(long)]
    email: Option<String>,
}

const HOLDER: &[&str] = &["holder", "email", "number", "name", "groups", "retired", "linked"];

fn holder(it: &Value) -> Vec<String> {
    let said = |member: &str| output::cell(&it[member]);
    let email = output::cell(&it["holder"]["email"]);
    let groups = words(&it["groups"]);
    let retired = if it["retired"] == true { "retired".to_owned() } else { String::new() };
    let who = who(&it["holder"]);
    vec![who, email, said("number"), said("display_name"), groups, retired, said("linked")]
}

impl Holders {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let answer = self.of.list(global, "holders", [("email", self.email)]).await?;
        Ok(show(global, &answer, HOLDER, |it| vec![holder(it)]))
    }
}

#[derive(Debug, Args)]
pub(super) struct Holder {
    #[command(flatten)]
    of: Of,
    /// Who, by user id
    user: String,
}

impl Holder {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let listed = ("assignments", "assignments");
        let it = self.of.one_with(global, "holders", &self.user, listed).await?;
        if global.json {
            output::json(&it);
            return Ok(Exit::Done);
        }
        output::table(HOLDER, vec![holder(&it)]);
        let seat = |it: &Value| {
            let mut row = cells(it, &["license", "product", "active"]);
            row.push(words(&it["grounds"]));
            row.extend(cells(it, &["assigned_at", "ends_at"]));
            row
        };
        let seats = items(&it["assignments"]).iter().map(seat).collect();
        output::table(&["license", "product", "active", "grounds", "since", "ends_at"], seats);
        say_sequence(&it);
        Ok(Exit::Done)
    }
}

#[derive(Debug, Args)]
pub(super) struct Policies {
    #[command(flatten)]
    of: Of,
    /// Everything that was decided, in order
    #[arg(long)]
    history: bool,
}

impl Policies {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let below = if self.history { "policies/history" } else { "policies" };
        let answer = self.of.list(global, below, []).await?;
        let row = |it: &Value| {
            let of = match it["license"].is_string() {
                true => output::cell(&it["license"]),
                false => "(account)".to_owned(),
            };
            let said = |(name, value): (&String, &Value)| format!("{name}={}", output::cell(value));
            let policy: Vec<String> =
                it["policy"].as_object().into_iter().flatten().map(said).collect();
            let mut row = vec![of, policy.join(" ")];
            row.extend(cells(it, &["since", "since_sequence"]));
            vec![row]
        };
        Ok(show(global, &answer, &["license", "policy", "since", "sequence"], row))
    }
}

#[derive(Debug, Args)]
pub(super) struct Waitlist {
    #[command(flatten)]
    of: Of,
    /// Only for a seat of this license, by its name
    license: Option<String>,
    /// Only for a seat of this product, of whichever license
    #[arg(long, conflicts_with = "license")]
    product: Option<String>,
    /// Only of this user
    #[arg(long, conflicts_with = "email")]
    user: Option<String>,
    /// Only of everybody known by this e-mail address
    #[arg(long)]
    email: Option<String>,
    /// Places that are over, too
    #[arg(long)]
    ended: bool,
}

impl Waitlist {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let filters = [
            ("product", self.product),
            ("user", self.user),
            ("email", self.email),
            ("ended", self.ended.then(|| "true".to_owned())),
        ];
        let answer = match &self.license {
            None => self.of.list(global, "waitlists", filters).await?,
            Some(license) => {
                let below = format!("licenses/{}/waitlist", encoded(license));
                self.of.list(global, &below, filters).await?
            }
        };
        let row = |it: &Value| {
            let mut row = cells(it, &["place", "position"]);
            row.extend([what(it), who(&it["holder"])]);
            row.extend(cells(it, &["ground", "since", "end"]));
            vec![row]
        };
        let head = ["place", "position", "for", "holder", "ground", "since", "end"];
        Ok(show(global, &answer, &head, row))
    }
}

#[derive(Debug, Args)]
pub(super) struct Containers {
    #[command(flatten)]
    of: Of,
}

impl Containers {
    /// A row a license; a container that holds none has one row too.
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let answer = self.of.list(global, "containers", []).await?;
        let rows = |it: &Value| {
            let place = match (it["container"].is_string(), it["within"].is_string()) {
                (false, _) => "(account)".to_owned(),
                (true, false) => output::cell(&it["container"]),
                (true, true) => {
                    format!("{} / {}", output::cell(&it["within"]), output::cell(&it["container"]))
                }
            };
            let row = |license: &Value| {
                let over = if license["over_allocated"] == true { "over" } else { "" };
                let mut row = vec![place.clone()];
                row.extend(cells(license, &["license", "quantity", "used", "allocated"]));
                row.extend([output::cell(&license["available"]), over.to_owned()]);
                row
            };
            match items(&it["licenses"]) {
                [] => vec![row(&Value::Null)],
                licenses => licenses.iter().map(row).collect(),
            }
        };
        let head = ["container", "license", "quantity", "used", "allocated", "available", "over"];
        Ok(show(global, &answer, &head, rows))
    }
}

/// Which schedules.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    /// Those that are still to come
    Pending,
    /// Those that were judged when they were due
    Fired,
    /// Those that were dropped before
    Cancelled,
    /// Every one
    All,
}

#[derive(Debug, Args)]
pub(super) struct Schedules {
    #[command(flatten)]
    of: Of,
    /// Which of them
    #[arg(long, value_enum, default_value_t = State::Pending)]
    state: State,
}

impl Schedules {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let state = match self.state {
            State::Pending => "pending",
            State::Fired => "fired",
            State::Cancelled => "cancelled",
            State::All => "all",
        };
        let answer = self.of.list(global, "schedules", [("state", Some(state.to_owned()))]).await?;
        let names = ["schedule", "state", "due", "command", "document", "asked_by", "refused"];
        Ok(show(global, &answer, &names, |it| vec![cells(it, &names)]))
    }
}
