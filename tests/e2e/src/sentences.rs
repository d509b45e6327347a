//! The sentences that programs say, read out of their sources: string literals, with `…` for what is put in.

/// One string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// As a person reads it, with `…` for each value.
    pub text: String,
    /// Whether it is the text of an error: `#[error("…")]`.
    pub is_error: bool,
}

/// The string literals of a source, without those of its tests.
#[must_use]
pub fn said_in(source: &str) -> Vec<Sentence> {
    let source = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let (length, literal) = token(&source[at..]);
        if let Some(literal) = literal {
            found.push(Sentence { text: as_read(literal), is_error: source[..at].trim_end().ends_with("#[error(") });
        }
        at += length;
    }
    found
}

/// How long the token is that `rest` begins with, and what is between its quotes if it is a string.
fn token(rest: &str) -> (usize, Option<&str>) {
    let one = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), None);
    }
    if let Some(end) = rest.strip_prefix("r#\"").and_then(|raw| raw.find("\"#")) {
        return (end + 5, Some(&rest[3..3 + end]));
    }
    if rest.starts_with('\'') {
        return (character(rest).unwrap_or(one), None);
    }
    let Some(inside) = rest.strip_prefix('"') else { return (one, None) };
    let mut is_escaped = false;
    let end = inside.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    let end = end.unwrap_or(inside.len());
    ((end + 2).min(rest.len()), Some(&inside[..end]))
}

/// The length of a character literal; `None` where a lifetime begins.
fn character(rest: &str) -> Option<usize> {
    let inside = &rest[1..];
    let end = if inside.starts_with('\\') { 2 + inside[2..].find('\'')? } else { inside.chars().next()?.len_utf8() };
    inside[end..].starts_with('\'').then_some(end + 2)
}

/// A literal as the program prints it.
fn as_read(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let text = lines.fold(first, |text, line| text + line.trim_start());
    // Braces that are meant are doubled.
    let text = text.replace("\\\"", "\"").replace("\\n", "\n").replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut read = String::new();
    for (place, part) in text.split('{').enumerate() {
        match part.split_once('}').filter(|_| place > 0) {
            Some((_, after)) => read.extend(["…", after]),
            None => read.push_str(part),
        }
    }
    read.replace('\u{1}', "{").replace('\u{2}', "}")
}

/// Whether `sentence` says what `pattern` says: all its parts, in their order.
#[must_use]
pub fn fits(pattern: &str, sentence: &str) -> bool {
    let mut rest = sentence;
    pattern.split('…').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// What stands as code in a line of Markdown, between as many backticks as it begins with.
#[must_use]
pub fn code_in(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        let (fence, inside) = rest[start..].split_at(ticks);
        let Some(end) = inside.find(fence) else { break };
        found.push(inside[..end].trim());
        rest = &inside[end + ticks..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        said_in(source).into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn a_sentence_is_read_as_it_is_printed() {
        let source = "// \"no\"\nlet (a, b): (&'static str, char) = (\"{x} of {} bytes, \\\n    as `{{id}}`: \\\"{why:?}\\\"\", '\"');\nr#\"a \"b\"\"#";
        assert_eq!(texts(source), ["… of … bytes, as `{id}`: \"…\"", "a \"b\""]);
    }

    #[test]
    fn the_text_of_an_error_is_known_from_others_and_tests_say_nothing() {
        let source = "#[error(\n    \"it is {0}\"\n)]\nlet a = \"b\";\n#[cfg(test)]\nmod tests { \"c\" }";
        let said: Vec<_> = said_in(source).into_iter().map(|s| (s.text, s.is_error)).collect();
        assert_eq!(said, [("it is …".to_owned(), true), ("b".to_owned(), false)]);
    }

    #[test]
    fn a_pattern_fits_what_has_all_its_parts_in_order() {
        assert!(fits("event of … bytes exceeds …", "an event of … bytes exceeds the limit of … bytes"));
        assert!(!fits("exceeds … event", "an event of … bytes exceeds the limit of … bytes"));
        assert_eq!(code_in("| `a`, ``b `…` `` | c `d"), ["a", "b `…`"]);
    }
}
