//! The table of a dialect's document, held equal to its routes.

use super::routes::Route;

/// Method, path, and whether it is served, of each row of the table below `## Calls`.
fn rows(document: &str) -> Vec<(String, String, bool)> {
    let table = document.split("\n## ").find(|it| it.starts_with("Calls\n")).unwrap();
    let rows = table.lines().filter(|it| it.starts_with("| ") && it.contains('`'));
    let mut all = vec![];
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let served = match cells[2] {
            "yes" => true,
            "no, 501" => false,
            other => panic!("{other:?} in {row}"),
        };
        for method in cells[0].split(", ") {
            all.push((method.to_owned(), cells[1].trim_matches('`').to_owned(), served));
        }
    }
    all
}

/// Holds a document against the routes of its dialect.
pub(super) fn agrees(document: &str, routes: &[Route]) {
    let listed = rows(document);
    let mut routed = vec![];
    for route in routes {
        for method in route.methods {
            routed.push(((*method).to_owned(), route.path.to_owned(), route.served));
        }
    }
    assert_eq!(listed, routed);
}
