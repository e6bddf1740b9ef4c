//! The crate's sources as modules: what each file declares, re-exports and imports. Test code is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::visit::Visit;

/// A module's path from the crate's root: `["git", "mirror"]`.
pub type ModulePath = Vec<String>;

/// One module with a file of its own.
#[derive(Debug, Default)]
pub struct Module {
    /// The file, relative to `src`.
    pub file: String,
    /// Names of the modules that are declared in it, those for tests apart.
    pub children: BTreeSet<String>,
    /// Names of the items that are defined in it.
    pub items: BTreeSet<String>,
    /// `use` items: the name under which something is known here, and its path.
    pub uses: Vec<Import>,
    /// Other paths that the code writes out: in types, expressions and macros.
    pub paths: BTreeSet<Vec<String>>,
    /// Each function's name with its length in lines.
    pub functions: Vec<(String, usize)>,
}

/// One leaf of a `use` item.
#[derive(Debug, Clone)]
pub struct Import {
    /// The path as written, without the renaming.
    pub path: Vec<String>,
    /// The name that it has here; `*` for all names.
    pub name: String,
    /// Whether others may use it from here.
    pub is_public: bool,
}

/// All modules of a crate, by path.
pub type Sources = BTreeMap<ModulePath, Module>;

/// Reads the crate whose root is `src/lib.rs`.
///
/// # Panics
/// When a file that a `mod` item declares is missing or is no Rust.
pub fn read(src: &Path) -> Sources {
    let mut sources = Sources::new();
    read_module(src, Vec::new(), "lib.rs".to_owned(), &mut sources);
    sources
}

fn read_module(src: &Path, path: ModulePath, file: String, sources: &mut Sources) {
    let text = std::fs::read_to_string(src.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut collector = Collector {
        module: Module {
            file: file.clone(),
            ..Module::default()
        },
        is_outermost: true,
    };
    collector.visit_file(&syntax);
    let children = collector.module.children.clone();
    sources.insert(path.clone(), collector.module);
    let folder = match file.strip_suffix("mod.rs").or_else(|| file.strip_suffix("lib.rs")) {
        Some(folder) => folder.to_owned(),
        None => format!("{}/", file.trim_end_matches(".rs")),
    };
    for child in children {
        let candidates = [format!("{folder}{child}.rs"), format!("{folder}{child}/mod.rs")];
        let found = candidates.iter().find(|candidate| src.join(candidate).exists());
        let found = found.unwrap_or_else(|| panic!("{file} declares `mod {child}`, which has no file"));
        let child_path = path.iter().cloned().chain([child]).collect();
        read_module(src, child_path, found.clone(), sources);
    }
}

struct Collector {
    module: Module,
    is_outermost: bool,
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg") && {
            let tokens = quote::ToTokens::to_token_stream(&attribute.meta).to_string();
            tokens == "cfg (test)" || tokens.starts_with("cfg (all (test")
        };
        is_cfg || attribute.path().is_ident("test")
    })
}

impl Collector {
    fn note_use(&mut self, prefix: &[String], tree: &syn::UseTree, is_public: bool) {
        let extended = |name: &syn::Ident| -> Vec<String> {
            let name = name.to_string();
            let is_itself = name == "self";
            prefix
                .iter()
                .cloned()
                .chain((!is_itself || prefix.is_empty()).then_some(name))
                .collect()
        };
        let mut leaf = |path: Vec<String>, name: Option<String>| {
            let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
            self.module.uses.push(Import { path, name, is_public });
        };
        match tree {
            syn::UseTree::Path(tree) => self.note_use(&extended(&tree.ident), &tree.tree, is_public),
            syn::UseTree::Name(tree) => leaf(extended(&tree.ident), None),
            syn::UseTree::Rename(tree) => leaf(extended(&tree.ident), Some(tree.rename.to_string())),
            syn::UseTree::Glob(_) => leaf(prefix.to_vec(), Some("*".to_owned())),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_use(prefix, tree, is_public);
                }
            }
        }
    }

    fn note_function(&mut self, name: &syn::Ident, block: &syn::Block) {
        let braces = block.brace_token.span;
        let lines = braces.close().end().line.saturating_sub(braces.open().start().line) + 1;
        self.module.functions.push((name.to_string(), lines));
    }

    /// Paths in a macro's tokens, which have not been parsed: identifiers joined by `::`.
    fn note_tokens(&mut self, tokens: proc_macro2::TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.note_path(std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                proc_macro2::TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.note_path(std::mem::take(&mut path));
                    colons = 0;
                    if let proc_macro2::TokenTree::Group(group) = other {
                        self.note_tokens(group.stream());
                    }
                }
            }
        }
        self.note_path(path);
    }

    fn note_path(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.module.paths.insert(path);
        }
    }
}

fn name_of(item: &syn::Item) -> Option<&syn::Ident> {
    Some(match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    })
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if is_for_tests(attributes_of(item)) {
            return;
        }
        match item {
            syn::Item::Mod(item) if item.content.is_none() => {
                self.module.children.insert(item.ident.to_string());
            }
            syn::Item::Use(item) => {
                let is_public = !matches!(item.vis, syn::Visibility::Inherited);
                self.note_use(&[], &item.tree, is_public);
            }
            item => {
                if self.is_outermost
                    && let Some(name) = name_of(item)
                {
                    self.module.items.insert(name.to_string());
                }
                let was_outermost = std::mem::replace(&mut self.is_outermost, false);
                syn::visit::visit_item(self, item);
                self.is_outermost = was_outermost;
            }
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note_function(&item.sig.ident, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note_function(&item.sig.ident, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.note_path(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        self.note_path(
            node.path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect(),
        );
        self.note_tokens(node.tokens.clone());
    }
}
