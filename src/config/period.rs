use super::text::FromText;
use jiff::SignedDuration;
use std::time::Duration;

/// A timer or a deadline: `30s`, `1h30m`, `1500ms`; at least one second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period(pub(super) Duration);

/// Nothing polls more often: webhooks and commands wake a loop that must run sooner.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest period. Nobody waits so long, and the sum of a time and this period does not overflow.
const LONGEST: SignedDuration = SignedDuration::from_hours(1 << 32);

impl FromText for Period {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^([0-9]+(ms|s|m|h))+$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let period = parse(text)?;
        if period < SHORTEST {
            Err(format!("{text} is too short: the minimum is 1s"))
        } else {
            Ok(Self(period))
        }
    }
}

/// jiff also reads fractions, signs, blanks, ISO 8601 and long unit names. The file takes one spelling, that of the schema.
fn parse(text: &str) -> Result<Duration, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"hms".contains(&byte));
    let duration = text.parse::<SignedDuration>().ok();
    let duration = duration.filter(|duration| is_plain && *duration < LONGEST);
    duration
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("{text:?} is not a duration: write it like 30s, 5m or 1h30m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("30s", 30_000),
            ("1m", 60_000),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1s500ms", 1500),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "30",
            "s",
            "1.5s",
            "-1s",
            "1 s",
            "1d",
            "99999999999999h",
            "PT1S",
            "1hms",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
