//! Grounds as tables keep them: nothing for `direct` alone, which most assignments stand on; else
//! one a line, `direct` first, then those of groups in the order in which they were given.

use std::borrow::Cow;

use events::event::Ground;

const DIRECT: &str = "direct";

/// Of a new assignment.
pub(crate) fn text(grounds: &[Ground]) -> Option<String> {
    let mut text = Some(String::new());
    for ground in grounds {
        text = with(text.as_deref(), ground);
    }
    text
}

/// With one ground more. A ground of a group takes the place of the orphan that the same group has
/// left, and the other way round.
pub(crate) fn with(text: Option<&str>, ground: &Ground) -> Option<String> {
    let written = ground.to_string();
    let mut all: Vec<&str> = lines(text).collect();
    match ground.group() {
        None => {
            all.retain(|it| *it != DIRECT);
            all.insert(0, DIRECT);
        }
        Some(group) => match all.iter_mut().find(|it| group_of(it) == Some(group.as_str())) {
            Some(it) => *it = &written,
            None => all.push(&written),
        },
    }
    kept(&all)
}

/// With one ground less.
pub(crate) fn without(text: Option<&str>, ground: &Ground) -> Option<String> {
    let written = ground.to_string();
    kept(&lines(text).filter(|it| *it != written).collect::<Vec<_>>())
}

/// As answers list them.
pub(crate) fn list(text: Option<&str>) -> Vec<Cow<'static, str>> {
    match text {
        None => vec![Cow::Borrowed(DIRECT)],
        Some(text) => text.lines().map(|it| Cow::Owned(it.to_owned())).collect(),
    }
}

/// Whether a group gives it.
pub(crate) fn is_given(text: Option<&str>) -> bool {
    lines(text).any(|it| it.starts_with("group:"))
}

/// What the same group has given or left.
fn group_of(line: &str) -> Option<&str> {
    line.strip_prefix("group:").or_else(|| line.strip_prefix("orphan:"))
}

fn lines(text: Option<&str>) -> std::str::Lines<'_> {
    text.unwrap_or(DIRECT).lines()
}

fn kept(all: &[&str]) -> Option<String> {
    (*all != [DIRECT]).then(|| all.join("\n"))
}

#[cfg(test)]
mod tests {
    use events::GroupId;

    use super::*;

    #[test]
    fn grounds_come_and_go() {
        let group = |it| Ground::Group(GroupId::new(it).unwrap());
        let orphan = |it| Ground::Orphan(GroupId::new(it).unwrap());
        assert_eq!(text(&[Ground::Direct]), None);
        let both = text(&[group("a"), group("orphan:a")]);
        assert_eq!(both.as_deref(), Some("group:a\ngroup:orphan:a"));
        let left = with(both.as_deref(), &orphan("a"));
        assert_eq!(left.as_deref(), Some("orphan:a\ngroup:orphan:a"));
        let left = with(left.as_deref(), &Ground::Direct);
        assert_eq!(list(left.as_deref()), ["direct", "orphan:a", "group:orphan:a"]);
        let left = without(left.as_deref(), &orphan("a"));
        assert_eq!(without(left.as_deref(), &group("orphan:a")), None);
    }
}
