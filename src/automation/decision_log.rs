use crate::model::{Finding, Severity};
use crate::plan::{BumpPlan, Decision, Outcome};
use crate::port::DeclaredState;
use std::collections::BTreeSet;

/// Writes findings, decisions and problems to the log when they are new, and not in each pass.
#[derive(Debug, Default)]
pub(super) struct DecisionLog {
    reported: BTreeSet<String>,
    problems: BTreeSet<String>,
}

impl DecisionLog {
    /// Logs the findings and the decisions that the pass before did not have.
    pub(super) fn decided(&mut self, declared: &DeclaredState, plan: &BumpPlan) {
        let mut now = BTreeSet::new();
        for finding in &declared.findings {
            let text = finding.to_string();
            if !self.reported.contains(&text) {
                log_finding(finding, &text);
            }
            now.insert(text);
        }
        for decision in &plan.decisions {
            let text = format!("{}: {}", decision.field, decision.reason);
            if !self.reported.contains(&text) {
                log_decision(decision);
            }
            now.insert(text);
        }
        self.reported = now;
    }

    /// Logs why bumps are not made: a warning the first time, then at debug level.
    pub(super) fn not_made(&mut self, problems: &[String]) {
        for problem in problems {
            if self.problems.contains(problem) {
                tracing::debug!(%problem, "bumps still not made");
            } else {
                tracing::warn!(%problem, "bumps not made");
            }
        }
        self.problems = problems.iter().cloned().collect();
    }
}

fn log_finding(finding: &Finding, text: &str) {
    match finding.severity {
        Severity::Notice => tracing::info!(finding = %text, "config repo"),
        Severity::Warning | Severity::Error => tracing::warn!(finding = %text, "config repo"),
    }
}

fn log_decision(decision: &Decision) {
    match decision.outcome {
        Outcome::Held => tracing::info!(field = %decision.field, reason = %decision.reason, "held"),
        Outcome::InvalidPolicy | Outcome::NoCandidate => tracing::warn!(
            path = %decision.path,
            position = %decision.position,
            field = %decision.field,
            reason = %decision.reason,
            "not bumped"
        ),
        _ => tracing::debug!(field = %decision.field, reason = %decision.reason, "decided"),
    }
}
