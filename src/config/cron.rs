use super::text::FromText;

/// A cron expression with five fields.
#[derive(Debug, Clone)]
pub(super) struct CronExpression(pub(super) String);

impl FromText for CronExpression {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": r"^\s*\S+(\s+\S+){4}\s*$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let fields = text.split_whitespace().count();
        if fields != 5 {
            return Err(format!(
                "{text:?} has {fields} fields: expected five (minute hour day month weekday)"
            ));
        }
        let with_seconds = format!("0 {text}");
        tokio_cron_scheduler::Job::new(with_seconds.as_str(), |_, _| {})
            .map(|_| Self(text.to_owned()))
            .map_err(|error| format!("{text:?} is not a cron expression: {error}"))
    }
}
