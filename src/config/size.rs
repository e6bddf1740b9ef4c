use super::text::FromText;

/// A number of bytes as Kubernetes writes it: a whole number, then `Ki`, `Mi`, `Gi`, `k`, `M`, `G` or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl FromText for Size {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[0-9]+(Ki|Mi|Gi|k|M|G)?$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size: write it like 512Mi or 2Gi");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: u64 = match text.get(digits.len()..).unwrap_or_default() {
            "" => 1,
            "k" => 1000,
            "M" => 1_000_000,
            "G" => 1_000_000_000,
            "Ki" => 1 << 10,
            "Mi" => 1 << 20,
            "Gi" => 1 << 30,
            _ => return Err(wrong()),
        };
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let size = number.checked_mul(unit).filter(|size| *size > 0);
        size.map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_writes_them() {
        for (text, bytes) in [
            ("1", 1),
            ("3k", 3000),
            ("512Mi", 512 << 20),
            ("2Gi", 2 << 30),
            ("5G", 5_000_000_000),
        ] {
            assert_eq!(Size::from_text(text), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "0", "Gi", "-1Mi", "1.5Gi", "1 Gi", "1gi", "99999999999Gi"] {
            assert!(Size::from_text(text).is_err(), "{text}");
        }
    }
}
