//! What their license codes are called. A catalogue for people, never a list of what there may be: a
//! code is whatever was allocated.

/// One code a line: the code, a tab, its name. `#` begins a comment that says where they are from.
const CODES: &str = include_str!("codes.tsv");

/// What a code is called, if the catalogue knows it.
pub(super) fn name(code: &str) -> Option<&'static str> {
    entries().find(|it| it.0 == code).map(|it| it.1)
}

/// Every code with its name.
fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = CODES.lines().filter(|it| !it.starts_with('#'));
    lines.filter_map(|it| it.split_once('\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_name() {
        let mut codes: Vec<&str> = entries().map(|it| it.0).collect();
        let lines = CODES.lines().filter(|it| !it.starts_with('#')).count();
        assert_eq!(codes.len(), lines, "each line is a code, a tab and a name");
        codes.sort_unstable();
        let before = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), before);
        assert_eq!(name("RPADEVNU"), Some("RPA Developer Named User"));
        assert_eq!(name("course:66ae"), None);
    }
}
