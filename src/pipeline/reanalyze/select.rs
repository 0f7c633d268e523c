//! Which documents are still to be done: alive, matched, and of another model.

use crate::index::schema::Fields;
use crate::index::{IndexError, id_of};
use crate::search::Filter;
use rustc_hash::FxHashSet;
use tantivy::collector::DocSetCollector;
use tantivy::{DocAddress, Searcher};

pub(super) struct Selection {
    /// Id hashes, in the order of the index.
    pub documents: Vec<u128>,
    /// Matched documents that are already of the model.
    pub already: u64,
}

pub(super) fn select(
    searcher: &Searcher,
    fields: &Fields,
    filter: Option<&Filter>,
    model: &str,
) -> Result<Selection, IndexError> {
    let matched: Option<FxHashSet<DocAddress>> = filter
        .map(|filter| searcher.search(&*filter.to_tantivy(fields), &DocSetCollector))
        .transpose()?
        .map(|documents| documents.into_iter().collect());
    let mut selection = Selection {
        documents: Vec::new(),
        already: 0,
    };
    for (ordinal, segment) in searcher.segment_readers().iter().enumerate() {
        let fast = segment.fast_fields();
        let (hi, lo) = (fast.u64("id_hi")?, fast.u64("id_lo")?);
        let tombstone = fast.bool("tombstone")?;
        let models = fast.str("model")?;
        let term = match &models {
            Some(models) => models.dictionary().term_ord(model)?,
            None => None,
        };
        for doc in segment.doc_ids_alive() {
            let address = DocAddress::new(ordinal as u32, doc);
            if tombstone.first(doc) == Some(true) || matched.as_ref().is_some_and(|matched| !matched.contains(&address))
            {
                continue;
            }
            let own = models.as_ref().and_then(|models| models.ords().first(doc));
            if own.is_some() && own == term {
                selection.already += 1;
            } else {
                selection.documents.push(id_of(&hi, &lo, doc));
            }
        }
    }
    Ok(selection)
}
