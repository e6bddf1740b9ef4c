use super::shown::is_plain;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha1::Sha1;
use tidegate::git::readers::{HostKeyVerdict, judge_host, judge_signer};
use tidegate::git::{AllowedSigners, KnownHosts};

/// The key that is judged. Corpus and dictionary have it, too.
pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
/// The longest error, in characters.
const LONGEST_ERROR: usize = 400;
const BLANKS: [char; 2] = [' ', '\t'];

/// The first line is `host port`, the rest is known_hosts. Properties: what the list says about one key is what OpenSSH's
/// rules say, read line by line from the manual of sshd(8); an error names a line of the list.
pub fn known_hosts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some((first, list)) = text.split_once('\n') else {
        return;
    };
    let Some((host, port)) = first
        .split_once(' ')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)))
    else {
        return;
    };
    // No address has an empty host.
    let host = host.to_ascii_lowercase();
    if host.is_empty() {
        return;
    }
    match KnownHosts::parse(list) {
        Ok(known) => {
            let verdict = judge_host(&known, &host, port, KEY).expect("the key is valid");
            assert_eq!(verdict, expected_of_host(list, &host, port));
        }
        Err(error) => names_a_line(&error.to_string(), "line ", list),
    }
}

/// A line of known_hosts: marker, hosts, whether it has the key.
struct HostLine<'a>(&'a str, &'a str, bool);

fn host_lines(list: &str) -> Vec<HostLine<'_>> {
    let lines = list.lines().filter_map(|line| {
        let line = line.trim_end_matches('\r').trim_start_matches(BLANKS);
        let (marker, line) = match line.starts_with('@') {
            true => line.split_once(BLANKS)?,
            false => ("", line),
        };
        let (hosts, key) = line.trim_start_matches(BLANKS).split_once(BLANKS)?;
        (marker.len() > 1 || !hosts.starts_with('#')).then(|| HostLine(marker, hosts, is_key(key)))
    });
    lines.collect()
}

/// Whether a text begins with the judged key.
fn is_key(text: &str) -> bool {
    let mut words = text.split(BLANKS).filter(|word| !word.is_empty());
    words.next().zip(words.next()) == KEY.split_once(' ')
}

fn expected_of_host(list: &str, host: &str, port: u16) -> HostKeyVerdict {
    let lines = host_lines(list);
    let name = if port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    };
    let of = |marker: &str, name: &str| -> Vec<bool> {
        let lines = lines.iter().filter(|line| line.0 == marker && is_listed(line.1, name));
        lines.map(|line| line.2).collect()
    };
    if of("@revoked", &name).contains(&true) || of("@revoked", host).contains(&true) {
        return HostKeyVerdict::Revoked;
    }
    let mut keys = of("", &name);
    if keys.is_empty() {
        keys = of("", host);
    }
    match keys.as_slice() {
        [] => HostKeyVerdict::Unknown,
        keys if keys.contains(&true) => HostKeyVerdict::Trusted,
        _ => HostKeyVerdict::Changed,
    }
}

fn is_listed(hosts: &str, name: &str) -> bool {
    let Some(hashed) = hosts.strip_prefix("|1|") else {
        return is_in_list(&hosts.to_ascii_lowercase(), name);
    };
    let decode = |text: &str| BASE64_STANDARD.decode(text).ok();
    let parts = hashed
        .split_once('|')
        .and_then(|(salt, hash)| Some((decode(salt)?, decode(hash)?)));
    parts.is_some_and(|(salt, hash)| {
        let mac = Hmac::<Sha1>::new_from_slice(&salt).map(|mac| mac.chain_update(name));
        mac.is_ok_and(|mac| mac.verify_slice(&hash).is_ok())
    })
}

/// `match_pattern_list` of OpenSSH.
fn is_in_list(list: &str, name: &str) -> bool {
    let matching = |negated: bool| {
        let patterns = list
            .split(',')
            .filter(move |pattern| pattern.starts_with('!') == negated);
        patterns.map(|pattern| pattern.strip_prefix('!').unwrap_or(pattern))
    };
    let hits = |pattern: &str| is_match(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>());
    !matching(true).any(hits) && matching(false).any(hits)
}

/// A pattern against a text, by a table of all their beginnings.
fn is_match(pattern: &[char], text: &[char]) -> bool {
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for symbol in pattern {
        let mut next = vec![*symbol == '*' && row[0]; 1];
        for (at, c) in text.iter().enumerate() {
            next.push(match symbol {
                '*' => row[at + 1] || next[at],
                symbol => row[at] && (*symbol == '?' || symbol == c),
            });
        }
        row = next;
    }
    row[text.len()]
}

fn names_a_line(error: &str, before: &str, list: &str) {
    assert!(is_plain(error, LONGEST_ERROR), "{error:?}");
    let number = error
        .split_once(before)
        .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
    let number: usize = number
        .and_then(|digits| digits.parse().ok())
        .expect("the error names a line");
    assert!((1..=list.lines().count().max(1)).contains(&number), "{error}");
}

/// The first line is a time in seconds since 1970, the rest is allowed_signers. Properties: what the list says about one key
/// and git's namespace is what OpenSSH's rules say, each line by itself; an error names a line of the list.
pub fn allowed_signers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some((first, list)) = text.split_once('\n') else {
        return;
    };
    let Some(at) = first.parse().ok().and_then(|at| Timestamp::from_second(at).ok()) else {
        return;
    };
    match AllowedSigners::parse(list) {
        // The independent reading below knows no escapes.
        Ok(_) if list.contains('\\') => {}
        Ok(allowed) => {
            let principals = judge_signer(&allowed, KEY, at);
            let expected = list.lines().find_map(|line| accepting(line, at.as_second()));
            assert_eq!(principals.as_deref().ok(), expected);
        }
        Err(error) => names_a_line(&error.to_string(), "line ", list),
    }
}

/// The principals of a line that accepts the judged key.
fn accepting(line: &str, at: i64) -> Option<&str> {
    let line = line.trim_matches(['\r', ' ', '\t']);
    let (principals, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => line.split_once(BLANKS)?,
    };
    let rest = rest.trim_start_matches(BLANKS);
    if line.starts_with('#') || !rest.contains(KEY.split_once(' ')?.1) {
        return None;
    }
    if is_key(rest) {
        return Some(principals);
    }
    let (mut quoted, mut escaped) = (false, false);
    let end = rest.find(|c: char| {
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        !quoted && BLANKS.contains(&c)
    })?;
    let options = rest.get(..end)?;
    let lower = options.to_ascii_lowercase();
    let value = |name: &str| {
        let start = lower.find(&format!("{name}=\""))? + name.len() + 2;
        let value = options.get(start..)?;
        value.split_once('"').map(|(value, _)| value)
    };
    let is_escaped = options.contains('\\');
    let is_key = is_key(rest.get(end..)?);
    let is_for_git = value("namespaces").is_none_or(|list| is_in_list(list, "git"));
    let has_begun = value("valid-after").is_none_or(|from| seconds(from).is_some_and(|from| at >= from));
    let has_ended = value("valid-before").is_some_and(|until| seconds(until).is_none_or(|until| at > until));
    (is_key && !is_escaped && is_for_git && has_begun && !has_ended).then_some(principals)
}

/// Days and seconds of `YYYYMMDD[HHMM[SS]]`, by the calendar's rules.
fn seconds(text: &str) -> Option<i64> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let part = |from: usize, to: usize| digits.get(from..to).map_or(Some(0), |text| text.parse::<i64>().ok());
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let of_day = part(8, 10)? * 3600 + part(10, 12)? * 60 + part(12, 14)?;
    let (y, m) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days =
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (m * 306 + 5) / 10 + day - 1 - 719_468;
    Some(days * 86_400 + of_day)
}
