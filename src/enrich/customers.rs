//! What the user's own system knows of a customer: a CSV joined by the keyed author id or the customer reference.
//!
//! Columns `author` (the 32 hex digits of `author.id`) or `customer` (`customer.ref`), `segment`, `orders`, `amount`.
//! Figures become bands: one who ordered 37 times for 81,234.50 yuan would be known by them.

use super::EnrichError;
use crate::item::Item;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::path::Path;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Customer {
    segment: Option<String>,
    orders: Option<&'static str>,
    amount: Option<&'static str>,
}

#[derive(Debug, Default)]
pub struct Customers {
    by_author: FxHashMap<String, Customer>,
    by_reference: FxHashMap<String, Customer>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    author: String,
    #[serde(default)]
    customer: String,
    #[serde(default)]
    segment: String,
    #[serde(default)]
    orders: Option<u64>,
    #[serde(default)]
    amount: Option<f64>,
}

impl Customers {
    pub fn load(path: &Path) -> Result<Self, EnrichError> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|error| EnrichError::new(path, format!("cannot be read: {error}")))?;
        let mut customers = Self::default();
        for (number, row) in reader.deserialize::<Row>().enumerate() {
            let fail = |message: String| EnrichError::new(path, format!("row {}: {message}", number + 1));
            let row = row.map_err(|error| fail(error.to_string()))?;
            let customer = Customer {
                segment: Some(row.segment).filter(|segment| !segment.is_empty()),
                orders: row.orders.map(orders_band),
                amount: row.amount.map(amount_band),
            };
            if row.author.is_empty() && row.customer.is_empty() {
                return Err(fail(
                    "neither `author` nor `customer` is there; one of them joins".to_owned(),
                ));
            }
            if !row.author.is_empty() {
                customers
                    .by_author
                    .insert(row.author.to_ascii_lowercase(), customer.clone());
            }
            if !row.customer.is_empty() {
                customers.by_reference.insert(row.customer, customer);
            }
        }
        Ok(customers)
    }

    /// Sets the segment where the source names none, and the bands under `ext.customer`.
    pub fn fill(&self, item: &mut Item) {
        let reference = item.customer.as_ref().and_then(|customer| customer.reference.as_ref());
        let known = reference
            .and_then(|reference| self.by_reference.get(reference))
            .or_else(|| self.by_author.get(item.author.id.as_ref()?));
        let Some(known) = known else { return };
        if item.author.segment.is_none() {
            item.author.segment.clone_from(&known.segment);
        }
        let bands: serde_json::Map<String, serde_json::Value> = [("orders", known.orders), ("amount", known.amount)]
            .into_iter()
            .filter_map(|(name, band)| Some((name.to_owned(), band?.into())))
            .collect();
        if !bands.is_empty() {
            item.ext.insert("customer".to_owned(), bands.into());
        }
    }
}

fn orders_band(orders: u64) -> &'static str {
    match orders {
        0 => "0",
        1 => "1",
        2..=5 => "2-5",
        6..=20 => "6-20",
        _ => "21+",
    }
}

/// Yuan.
fn amount_band(amount: f64) -> &'static str {
    match amount {
        amount if amount < 100.0 => "0-100",
        amount if amount < 500.0 => "100-500",
        amount if amount < 2_000.0 => "500-2000",
        amount if amount < 10_000.0 => "2000-10000",
        _ => "10000+",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_joined_by_author_or_reference_and_figures_become_bands() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("crm.csv");
        std::fs::write(
            &path,
            "author,customer,segment,orders,amount\nAB12,,新客,1,99.5\n,C-7,老客,37,81234.50\n",
        )
        .unwrap();
        let customers = Customers::load(&path).unwrap();
        let mut item = Item::default();
        item.author.id = Some("ab12".to_owned());
        customers.fill(&mut item);
        assert_eq!(item.author.segment.as_deref(), Some("新客"));
        assert_eq!(
            item.ext["customer"],
            serde_json::json!({"orders": "1", "amount": "0-100"})
        );
        item.customer.get_or_insert_default().reference = Some("C-7".to_owned());
        customers.fill(&mut item);
        assert_eq!(
            item.author.segment.as_deref(),
            Some("新客"),
            "what the source says stands"
        );
        assert_eq!(
            item.ext["customer"],
            serde_json::json!({"orders": "21+", "amount": "10000+"})
        );
        std::fs::write(&path, "author,segment\n,x\n").unwrap();
        let error = Customers::load(&path).unwrap_err();
        assert!(
            error.to_string().contains("row 1: neither `author` nor `customer`"),
            "{error}"
        );
    }
}
