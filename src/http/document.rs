//! The OpenAPI document: made from the routes, and from what commands and events are.

use projections::page::PAGE_MAX;
use serde_json::{Map, Value, json};
use utoipa::{OpenApi, ToSchema};

use super::problem::PROBLEM_JSON;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "seatledger",
        description = "An event-sourced license ledger: licenses, seats, checks, usage and history.",
        license(name = "Apache-2.0")
    ),
    components(schemas(ProblemDocument)),
    tags(
        (name = "commands", description = "What may be asked of the ledger"),
        (name = "read", description = "Questions, now or as of any past moment"),
        (name = "operate", description = "How the ledger is")
    )
)]
struct Document;

/// What went wrong (RFC 9457), with what the ledger adds.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "the shape of what `problem::Problem` writes")]
pub(super) struct ProblemDocument {
    /// Where the code is explained
    r#type: String,
    /// The same sentence for every problem of this code
    title: String,
    /// The HTTP status
    status: u16,
    /// Stable and machine-readable
    code: String,
    /// What happened, with the numbers that matter
    detail: String,
    /// What to do about it
    hint: Option<String>,
    /// The request, as the server's log names it
    request_id: Option<String>,
    /// `refused`, `malformed` or `unavailable`, for commands
    outcome: Option<String>,
    /// The command's id
    command: Option<String>,
    /// For which account
    account: Option<String>,
    /// Which member of the document, as a JSON pointer
    pointer: Option<String>,
    /// Which parameter
    parameter: Option<String>,
    /// Seconds after which trying again makes sense
    retry_after: Option<u64>,
}

/// What stands in the document before the routes are listed.
pub(super) fn begun() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The document, with all routes in it: completed by the schema of every command and event.
pub(super) fn completed(openapi: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(openapi).unwrap_or_default();
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.extend(crate::describe::components());
    }
    let names = ::events::CommandType::ALL.iter();
    let commands: Vec<Value> =
        names.map(|it| json!({ "$ref": format!("#/components/schemas/{it}") })).collect();
    let send = &mut document["paths"]["/v1/accounts/{account}/commands/{command}"]["post"];
    // Not `oneOf`: a document that only names a license is a command of several types.
    send["requestBody"]["content"]["application/json"]["schema"] = json!({ "anyOf": commands });
    for response in responses(&mut document) {
        tell_as_problem(response);
    }
    tell_of_keys(&mut document);
    tell_of_pages(&mut document);
    document
}

/// What is told of a call that is not admitted, by status. Said once for all routes, where they do
/// not say something of their own.
const NOT_ADMITTED: [(&str, &str); 5] = [
    ("400", "Two keys that differ"),
    ("401", "No key or token, or one that is not accepted"),
    ("403", "The key does not allow this"),
    ("429", "Too many calls"),
    ("503", "Which keys there are is not known at the moment"),
];

/// The same of a route about one account.
const NOT_REACHED: (&str, &str) = ("404", "No account of this name that the key reaches");

/// Says how a key is shown, and that every route of the ledger's own API takes one.
fn tell_of_keys(document: &mut Value) {
    document["components"]["securitySchemes"] = json!({
        "key": {"type": "http", "scheme": "bearer", "bearerFormat": "slk_… or JWT",
                "description": "A key, or a token of the operator's identity provider where the ledger takes those; dev takes calls without one"},
        "apikey": {"type": "apiKey", "in": "header", "name": "apikey",
                   "description": "The same key or token, in a header of its own"}
    });
    let Some(paths) = document["paths"].as_object_mut() else { return };
    let of_the_api = paths.iter_mut().filter(|(path, _)| path.starts_with("/v1/"));
    for (path, methods) in of_the_api {
        let not_reached = path.contains("{account}").then_some(NOT_REACHED);
        for operation in methods.as_object_mut().into_iter().flat_map(Map::values_mut) {
            operation["security"] = json!([{"key": []}, {"apikey": []}]);
            for (status, description) in NOT_ADMITTED.into_iter().chain(not_reached) {
                if operation["responses"].get(status).is_some() {
                    continue;
                }
                let schema = json!({"$ref": "#/components/schemas/Problem"});
                operation["responses"][status] = json!({
                    "description": description,
                    "content": {PROBLEM_JSON: {"schema": schema}}
                });
            }
        }
    }
}

/// Says how long a page can be, of every list alike.
fn tell_of_pages(document: &mut Value) {
    let members = |it| Value::as_object_mut(it).into_iter().flat_map(Map::values_mut);
    let operations = members(&mut document["paths"]).flat_map(members);
    let parameters = operations.filter_map(|it| it.get_mut("parameters")?.as_array_mut()).flatten();
    for limit in parameters.filter(|it| it["name"] == "limit") {
        limit["schema"]["minimum"] = json!(1);
        limit["schema"]["maximum"] = json!(PAGE_MAX);
    }
}

/// Every response of every operation.
fn responses(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let members = |it| Value::as_object_mut(it).into_iter().flat_map(Map::values_mut);
    let operations = members(&mut document["paths"]).flat_map(members);
    operations.flat_map(move |it| members(&mut it["responses"]))
}

/// Gives a problem its media type. Done for all at once, because no route tells it otherwise.
fn tell_as_problem(response: &mut Value) {
    let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) else { return };
    let is_problem = |it: &Value| it["schema"]["$ref"] == "#/components/schemas/Problem";
    if content.get("application/json").is_some_and(is_problem)
        && let Some(problem) = content.remove("application/json")
    {
        content.insert(PROBLEM_JSON.to_owned(), problem);
    }
}
