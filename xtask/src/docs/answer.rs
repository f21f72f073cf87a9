//! Whether an answer is the one the page shows, which leaves out what differs from run to run.

use serde_json::Value;

/// Stands for whatever is left out.
const ELLIPSIS: &str = "…";

/// Where and how `actual` is not what `shown` promises; nothing if it is.
///
/// A text with `…` in it stands for any text, `…` alone for any value, a number for any number; a member or an item `…` for any others. All
/// other values must be there as they are shown; members that are not shown may be there too.
pub fn difference(shown: &Value, actual: &Value) -> Option<String> {
    compare(shown, actual, "")
}

fn compare(shown: &Value, actual: &Value, place: &str) -> Option<String> {
    let differs = || Some(format!("{place}/ is not {shown}, but {actual}"));
    match (shown, actual) {
        (Value::String(text), _) if text == ELLIPSIS => None,
        (Value::String(text), Value::String(_)) if text.contains(ELLIPSIS) => None,
        (Value::Number(_), Value::Number(_)) => None,
        (Value::Object(shown), Value::Object(members)) => {
            shown.iter().filter(|(name, _)| *name != ELLIPSIS).find_map(|(name, value)| {
                let place = format!("{place}/{name}");
                match members.get(name) {
                    Some(member) => compare(value, member, &place),
                    None => Some(format!("{place} is missing")),
                }
            })
        }
        (Value::Array(shown), Value::Array(items)) => {
            let open = shown.last().and_then(Value::as_str) == Some(ELLIPSIS);
            let least = shown.len().saturating_sub(usize::from(open));
            if items.len() < least || (!open && items.len() > least) {
                return Some(format!("{place} has {} items", items.len()));
            }
            let pairs = shown.iter().take(least).zip(items).enumerate();
            pairs.into_iter().find_map(|(at, (value, item))| compare(value, item, &format!("{place}/{at}")))
        }
        _ if shown == actual => None,
        _ => differs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_shown_must_be_there() {
        let check = |shown: Value, actual: Value, same: bool| {
            assert_eq!(difference(&shown, &actual).is_none(), same, "{shown} {actual}");
        };
        check(json!({ "seq": 1 }), json!({ "seq": 2, "more": true }), true);
        check(json!({ "seq": 1 }), json!({ "seq": "2" }), false);
        check(json!({ "seq": 1 }), json!({}), false);
        check(json!({ "id": "00ab…" }), json!({ "id": "ffff" }), true);
        check(json!({ "id": "00ab…" }), json!({ "id": null }), false);
        check(json!({ "id": "00ab…:2:0" }), json!({ "id": "ffff:1:0" }), true);
        check(json!({ "id": "…" }), json!({ "id": [1] }), true);
        check(json!({ "price": "0.1" }), json!({ "price": "0.2" }), false);
        check(json!({ "…": "…" }), json!({}), true);
        check(json!([]), json!([]), true);
        check(json!([]), json!([1]), false);
        check(json!(["…"]), json!([]), true);
        check(json!([{ "a": "x" }, "…"]), json!([{ "a": "x" }, 2, 3]), true);
        check(json!([{ "a": "x" }, "…"]), json!([]), false);
        check(json!([{ "a": "x" }]), json!([{ "a": "x" }, 2]), false);
        check(json!([{ "a": "x" }]), json!([{ "a": "y" }]), false);
        check(json!(null), json!(null), true);
        check(json!(true), json!(false), false);
    }
}
