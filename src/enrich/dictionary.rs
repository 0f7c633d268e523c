//! The user's dictionary: brands, products and features by every name that people give them.
//!
//! TOML: `[brands]` `"华为" = ["HUAWEI", "菊厂"]`; `[products]` `"Mate 60" = { brand = "华为", aliases = ["mate60"] }`;
//! `[features]` `"续航" = ["电池"]`; `[exclude]` `words = ["小米粥"]`. CSV: columns `kind,name,aliases,brand`, aliases
//! separated by `|`; a row of kind `exclude` names a word that is none of them.
//!
//! The longest name wins. A name counts only where it begins and ends with words of the text (小米粥 is one word, so that
//! no 小米 is in it), and Latin names only where no letter or digit touches them.

use super::EnrichError;
use crate::item::{Item, Token, Tokens};
use crate::normalize::fold_char;
use crate::one_line::one_line;
use daachorse::charwise::CharwiseDoubleArrayAhoCorasickBuilder;
use daachorse::{CharwiseDoubleArrayAhoCorasick, MatchKind};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Features of one item that become tags.
const MOST_FEATURES: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Brand(String),
    Product { name: String, brand: Option<String> },
    Feature(String),
    Excluded,
}

/// Finds the names of a dictionary in texts.
pub struct Dictionary {
    search: CharwiseDoubleArrayAhoCorasick<u32>,
    meanings: Vec<Meaning>,
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Dictionary({} meanings)", self.meanings.len())
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawDictionary {
    brands: BTreeMap<String, Vec<String>>,
    products: BTreeMap<String, RawProduct>,
    features: BTreeMap<String, Vec<String>>,
    exclude: RawExclude,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawExclude {
    words: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawProduct {
    brand: Option<String>,
    aliases: Vec<String>,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    name: String,
    #[serde(default)]
    aliases: String,
    #[serde(default)]
    brand: String,
}

/// What an item's words name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named<'a> {
    pub brand: Option<&'a str>,
    pub product: Option<&'a str>,
    pub features: Vec<&'a str>,
}

#[derive(Default)]
struct Names {
    /// Folded name → meaning; the first one stands.
    names: BTreeMap<String, usize>,
    meanings: Vec<Meaning>,
}

impl Names {
    fn add<'a>(&mut self, meaning: Meaning, names: impl IntoIterator<Item = &'a str>) {
        let number = self.meanings.len();
        self.meanings.push(meaning);
        for name in names {
            let folded: String = name.trim().chars().map(fold_char).collect();
            if !folded.is_empty() {
                self.names.entry(folded).or_insert(number);
            }
        }
    }

    fn read(&mut self, path: &Path) -> Result<(), EnrichError> {
        let fail = |message: String| EnrichError::new(path, message);
        let text = std::fs::read_to_string(path).map_err(|error| fail(format!("cannot be read: {error}")))?;
        if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
        {
            return self.read_csv(text.trim_start_matches('\u{feff}'), path);
        }
        let raw: RawDictionary = toml::from_str(&text).map_err(|error| {
            let before = &text[..error.span().map_or(0, |span| span.start)];
            let line = before.matches('\n').count() + 1;
            fail(format!("line {line}: {}", one_line(error.message())))
        })?;
        for (name, aliases) in &raw.brands {
            let names = aliases.iter().map(String::as_str).chain([name.as_str()]);
            self.add(Meaning::Brand(name.clone()), names);
        }
        for (name, product) in &raw.products {
            let names = product.aliases.iter().map(String::as_str).chain([name.as_str()]);
            let meaning = Meaning::Product {
                name: name.clone(),
                brand: product.brand.clone(),
            };
            self.add(meaning, names);
        }
        for (name, aliases) in &raw.features {
            let names = aliases.iter().map(String::as_str).chain([name.as_str()]);
            self.add(Meaning::Feature(name.clone()), names);
        }
        self.add(Meaning::Excluded, raw.exclude.words.iter().map(String::as_str));
        Ok(())
    }

    fn read_csv(&mut self, text: &str, path: &Path) -> Result<(), EnrichError> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text.as_bytes());
        for (number, row) in reader.deserialize::<Row>().enumerate() {
            let fail = |message: String| EnrichError::new(path, format!("row {}: {message}", number + 1));
            let row = row.map_err(|error| fail(one_line(&error.to_string())))?;
            let names = row.aliases.split(['|', '、', ';']).chain([row.name.as_str()]);
            let meaning = match row.kind.as_str() {
                "brand" => Meaning::Brand(row.name.clone()),
                "product" => Meaning::Product {
                    name: row.name.clone(),
                    brand: Some(row.brand.clone()).filter(|brand| !brand.is_empty()),
                },
                "feature" => Meaning::Feature(row.name.clone()),
                "exclude" => Meaning::Excluded,
                kind => {
                    return Err(fail(format!(
                        "`{kind}` is no kind; want brand, product, feature or exclude"
                    )));
                }
            };
            self.add(meaning, names);
        }
        Ok(())
    }
}

impl Dictionary {
    /// Reads and joins dictionaries; `None` where they name nothing.
    pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Option<Self>, EnrichError> {
        let mut names = Names::default();
        for path in paths {
            names.read(path.as_ref())?;
        }
        if names.names.is_empty() {
            return Ok(None);
        }
        let search = CharwiseDoubleArrayAhoCorasickBuilder::new()
            .match_kind(MatchKind::LeftmostLongest)
            .build_with_values(names.names.into_iter().map(|(name, meaning)| (name, meaning as u32)))
            .map_err(|error| match paths.first() {
                Some(path) => EnrichError::new(path.as_ref(), one_line(&error.to_string())),
                None => EnrichError::new(Path::new("dictionary"), one_line(&error.to_string())),
            })?;
        Ok(Some(Self {
            search,
            meanings: names.meanings,
        }))
    }

    /// What `title` and `text` name most often, the first of equals.
    pub fn find(&self, parts: [(&str, &Tokens); 2]) -> Named<'_> {
        // (meaning, times), in order of appearance: a text names few
        let mut counts: Vec<(usize, usize)> = Vec::new();
        for (text, tokens) in parts {
            let folded: String = text.chars().map(fold_char).collect();
            for hit in self.search.leftmost_find_iter(&folded) {
                let meaning = hit.value() as usize;
                if self.meanings[meaning] == Meaning::Excluded
                    || !stands_alone(&folded, text, tokens, hit.start(), hit.end())
                {
                    continue;
                }
                match counts.iter_mut().find(|(known, _)| *known == meaning) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((meaning, 1)),
                }
            }
        }
        let mut named = Named::default();
        let (mut brand_times, mut product_times) = (0, 0);
        for (meaning, times) in counts {
            match &self.meanings[meaning] {
                Meaning::Brand(name) if times > brand_times => {
                    (named.brand, brand_times) = (Some(name.as_str()), times)
                }
                Meaning::Product { name, brand } if times > product_times => {
                    (named.product, product_times) = (Some(name.as_str()), times);
                    if let Some(brand) = brand
                        && named.brand.is_none()
                    {
                        named.brand = Some(brand);
                    }
                }
                Meaning::Feature(name) if named.features.len() < MOST_FEATURES => named.features.push(name),
                _ => {}
            }
        }
        named
    }

    /// Fills what the source left open, and adds the features to the tags.
    pub fn fill(&self, item: &mut Item, title_tokens: &Tokens, text_tokens: &Tokens) {
        let (brand, product, features) = {
            let named = self.find([(&item.title, title_tokens), (&item.text, text_tokens)]);
            let owned = |name: Option<&str>| name.map(str::to_owned);
            let features: Vec<String> = named.features.iter().map(|name| (*name).to_owned()).collect();
            (owned(named.brand), owned(named.product), features)
        };
        let subject = &mut item.subject;
        subject.brand = subject.brand.take().or(brand);
        subject.product = subject.product.take().or(product);
        for feature in features {
            if !item.tags.contains(&feature) {
                item.tags.push(feature);
            }
        }
    }
}

/// The name is made of whole words of the text, and no Latin letter or digit touches it.
fn stands_alone(folded: &str, text: &str, tokens: &Tokens, from: usize, to: usize) -> bool {
    let is_latin = |c: char| c.is_ascii_alphanumeric();
    let name = &folded[from..to];
    let touches_before = name.starts_with(is_latin) && folded[..from].ends_with(is_latin);
    let touches_after = name.ends_with(is_latin) && folded[to..].starts_with(is_latin);
    if touches_before || touches_after {
        return false;
    }
    // offsets of the tokens are those of the text: of use where folding kept its length
    if folded.len() != text.len() {
        return true;
    }
    let (from, to) = (from as u32, to as u32);
    // search mode gives the parts of a longer word as well: 小米 is a word of its own beside 小米粥
    let is_part = |token: Token<'_>| token.from <= from && to <= token.to && (token.from, token.to) != (from, to);
    let reaches_over = |token: Token<'_>, border: u32| token.from < border && border < token.to;
    let is_word = tokens.iter().any(|token| (token.from, token.to) == (from, to));
    !tokens
        .iter()
        .any(|token| is_part(token) || !is_word && (reaches_over(token, from) || reaches_over(token, to)))
}

#[cfg(test)]
#[path = "dictionary_tests.rs"]
mod tests;
