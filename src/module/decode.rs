//! Decodes and validates modules.

use super::bodies::Bodies;
use super::convert::{const_expr, memory_type};
use super::data::plain_segments;
use super::error::{DecodeError, Result, position, positions};
use super::validation::{MAX_MODULE_SIZE, Validation};
use super::{
    BranchHints, Bytes, ConstExpr, DataSegment, Export, ExportKind, Features, Import, ImportKind,
    MemoryType, Module, PAGE_BITS, Place, SegmentMode, TableType,
};
use std::sync::OnceLock;
use std::thread;
use wasmparser::{Chunk, DataKind, ExternalKind, Parser, Payload, TableInit, TypeRef};

/// Declared minimum of a table above which a module is refused (limit of the JavaScript interface).
const MAX_TABLE_SIZE: u64 = 10_000_000;
/// Declared size of a memory above which a module is refused (limit of the JavaScript interface).
const MAX_MEMORY_PAGES: u64 = (1 << 37) - 1;

impl Module {
    /// Decodes and validates `bytes` as a binary module of the features that are on.
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self> {
        let bytes = bytes.into();
        Ok(Decoder::new(true).rest(&bytes)?.with_bytes(bytes))
    }

    /// Decodes bytes that are known to be valid.
    pub fn decode_valid(bytes: impl Into<Bytes>) -> Result<Self> {
        let bytes = bytes.into();
        Ok(Decoder::new(false).rest(&bytes)?.with_bytes(bytes))
    }

    /// Keeps the bytes that it was decoded from.
    pub fn with_bytes(mut self, bytes: Bytes) -> Self {
        self.bytes = bytes;
        self
    }

    /// Says whether `bytes` are a valid module, without taking or keeping them.
    pub fn validate(bytes: &[u8]) -> Result<()> {
        Decoder::new(true).rest(bytes).map(drop)
    }
}

/// A module that is being decoded; its bytes may still be arriving.
pub struct Decoder {
    parser: Parser,
    validation: Option<Validation>,
    module: Module,
    /// How many bytes are decoded.
    at: usize,
}

impl Decoder {
    /// Validates too, if asked to.
    pub fn new(validate: bool) -> Self {
        let features = Features::current();
        let mut parser = Parser::new(0);
        parser.set_features(features.parser);
        Self {
            parser,
            validation: validate.then(|| Validation::new(features)),
            module: Module {
                features,
                ..Module::default()
            },
            at: 0,
        }
    }

    /// Decodes what is complete of `bytes`, which are those that have arrived from the module's start on.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<()> {
        self.decode(bytes, false)
    }

    /// `all` says whether there are no more bytes. Bodies are validated by other threads from the moment that the
    /// last of them is known, and by this one when it is through with the rest.
    fn decode(&mut self, bytes: &[u8], all: bool) -> Result<()> {
        let bodies = OnceLock::new();
        thread::scope(|scope| {
            let sections = self.sections(bytes, all, |complete| {
                bodies.get_or_init(|| complete).start(scope);
            });
            if let Some(bodies) = bodies.get() {
                match sections {
                    Ok(()) => bodies.work(),
                    Err(_) => bodies.stop(),
                }
            }
            sections
        })?;
        bodies.into_inner().map_or(Ok(()), Bodies::result)
    }

    /// The module of `bytes`, of which there are no more, but without its copy of them.
    pub fn rest(mut self, bytes: &[u8]) -> Result<Module> {
        check_header(bytes)?;
        self.decode(bytes, true)?;
        self.module.find_values();
        Ok(self.module)
    }

    /// Decodes all but the bodies, which `validate` gets.
    fn sections<'a>(
        &mut self,
        bytes: &'a [u8],
        all: bool,
        validate: impl Fn(Bodies<'a>),
    ) -> Result<()> {
        let mut bodies = Bodies::default();
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Chunk::Parsed { consumed, payload } = self.parser.parse(rest, all)? else {
                break;
            };
            self.at += consumed;
            if let Payload::CodeSectionEntry(body) = &payload {
                self.module.bodies.push(positions(&body.range()));
            } else if !bodies.is_empty() {
                validate(std::mem::take(&mut bodies));
            }
            if let Payload::DataSection(section) = &payload
                && let Some(segments) = plain_segments(section, bytes, &self.module)
            {
                if let Some(validation) = &mut self.validation {
                    validation.plain_segments(section)?;
                }
                self.module.data = segments;
                continue;
            }
            // So that the code below meets valid ones only.
            if let Some(validation) = &mut self.validation {
                match &payload {
                    Payload::CodeSectionEntry(body) => {
                        validation.body(body, &self.module, &mut bodies)?
                    }
                    payload => validation.payload(payload, &self.module, bytes)?,
                }
            }
            if matches!(payload, Payload::End(_)) {
                break;
            }
            self.module.add(payload)?;
        }
        if !bodies.is_empty() {
            validate(bodies);
        }
        Ok(())
    }
}

/// Checks the first eight bytes. The texts are those that programs know from other engines.
fn check_header(bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        return Err(DecodeError::new("BufferSource argument is empty", 0));
    }
    if bytes.len() > MAX_MODULE_SIZE {
        let message = format!(
            "size > maximum module size ({MAX_MODULE_SIZE}): {}",
            bytes.len()
        );
        return Err(DecodeError::new(message, 0));
    }
    for (offset, what, expected) in [(0, "magic word", *b"\0asm"), (4, "version", [1, 0, 0, 0])] {
        let Some(found) = bytes.get(offset..offset + 4) else {
            return Err(DecodeError::new("expected 4 bytes, fell off end", offset));
        };
        if found != expected {
            let message = format!("expected {what} {}, found {}", hex(&expected), hex(found));
            return Err(DecodeError::new(message, offset));
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

impl Module {
    /// Takes over what a validated payload says.
    fn add(&mut self, payload: Payload<'_>) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => self.add_types(section)?,
            Payload::ImportSection(section) => {
                for import in section.into_imports_with_offsets() {
                    let (offset, import) = import?;
                    self.add_import(import, position(offset))?;
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                for table in section.into_iter_with_offsets() {
                    let (offset, table) = table?;
                    let ty = self.table_type(&table.ty, position(offset))?;
                    check_table_size(&ty, position(offset))?;
                    self.tables.push(ty);
                    self.table_inits.push(match table.init {
                        TableInit::RefNull => ConstExpr::RefNull,
                        TableInit::Expr(expression) => const_expr(&expression)?,
                    });
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.into_iter_with_offsets() {
                    let (offset, memory) = memory?;
                    let ty = memory_type(&memory);
                    check_memory_size(&ty, position(offset))?;
                    self.memories.push(ty);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section.into_iter_with_offsets() {
                    let (offset, global) = global?;
                    self.globals
                        .push(self.global_type(&global.ty, position(offset))?);
                    self.global_inits.push(const_expr(&global.init_expr)?);
                }
            }
            Payload::TagSection(section) => {
                for tag in section {
                    self.tags.push(tag?.func_type_idx);
                }
            }
            Payload::ExportSection(section) => {
                for export in section.into_iter_with_offsets() {
                    let (offset, export) = export?;
                    let kind = match export.kind {
                        ExternalKind::Func => ExportKind::Function(export.index),
                        ExternalKind::Table => ExportKind::Table(export.index),
                        ExternalKind::Memory => ExportKind::Memory(export.index),
                        ExternalKind::Global => ExportKind::Global(export.index),
                        ExternalKind::Tag => ExportKind::Tag(export.index),
                        _ => {
                            return Err(DecodeError::new(
                                "unsupported kind of export",
                                position(offset),
                            ));
                        }
                    };
                    self.exports.push(Export {
                        name: export.name.to_owned(),
                        kind,
                    });
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => {
                for element in section.into_iter_with_offsets() {
                    let (offset, element) = element?;
                    self.elements
                        .push(self.element_segment(element, position(offset))?);
                }
            }
            Payload::DataSection(section) => {
                self.data.reserve(section.count() as usize);
                for data in section {
                    let data = data?;
                    let mode = match data.kind {
                        DataKind::Passive => SegmentMode::Passive,
                        DataKind::Active {
                            memory_index,
                            offset_expr,
                        } => SegmentMode::Active(Place {
                            index: memory_index,
                            offset: const_expr(&offset_expr)?,
                        }),
                    };
                    // The contents are the last part of the segment.
                    let end = position(data.range.end);
                    let bytes = end.saturating_sub(data.data.len())..end;
                    self.data.push(DataSegment { mode, bytes });
                }
            }
            Payload::CustomSection(section) => {
                if section.name() == BranchHints::SECTION {
                    self.branch_hints = BranchHints::read(section.as_known());
                }
                self.custom_sections
                    .push((section.name().to_owned(), positions(&section.data_range())));
            }
            // Bodies are taken as the validator hands them out; the rest says nothing new.
            _ => {}
        }
        Ok(())
    }

    fn add_import(&mut self, import: wasmparser::Import<'_>, offset: usize) -> Result<()> {
        let kind = match import.ty {
            TypeRef::Func(ty) => {
                self.functions.push(ty);
                self.imported_functions += 1;
                ImportKind::Function(ty)
            }
            TypeRef::Table(ty) => {
                let ty = self.table_type(&ty, offset)?;
                self.tables.push(ty);
                self.imported_tables += 1;
                ImportKind::Table(ty)
            }
            TypeRef::Memory(ty) => {
                let ty = memory_type(&ty);
                self.memories.push(ty);
                self.imported_memories += 1;
                ImportKind::Memory(ty)
            }
            TypeRef::Global(ty) => {
                let ty = self.global_type(&ty, offset)?;
                self.globals.push(ty);
                self.imported_globals += 1;
                ImportKind::Global(ty)
            }
            TypeRef::Tag(ty) => {
                self.tags.push(ty.func_type_idx);
                self.imported_tags += 1;
                ImportKind::Tag(ty.func_type_idx)
            }
            _ => return Err(DecodeError::new("unsupported kind of import", offset)),
        };
        self.imports.push(Import {
            module: import.module.to_owned(),
            name: import.name.to_owned(),
            kind,
        });
        Ok(())
    }

    /// The functions that are exported, in element segments or initial values of globals, ascending: those that
    /// `ref.func` may name.
    pub(super) fn declared_functions(&self) -> Vec<u32> {
        let exported = self.exports.iter().filter_map(|export| match export.kind {
            ExportKind::Function(index) => Some(index),
            _ => None,
        });
        let expressions = self
            .global_inits
            .iter()
            .chain(&self.table_inits)
            .chain(self.elements.iter().flat_map(|e| &e.items));
        let named = expressions.filter_map(|expression| match expression {
            ConstExpr::RefFunc(index) => Some(*index),
            _ => None,
        });
        let mut functions: Vec<u32> = exported.chain(named).collect();
        functions.sort_unstable();
        functions.dedup();
        functions
    }

    /// Finds the functions that can become values and the globals that others can see.
    fn find_values(&mut self) {
        let mut functions = self.declared_functions();
        if let Some(start) = self.start
            && let Err(place) = functions.binary_search(&start)
        {
            functions.insert(place, start);
        }
        self.func_refs = functions;
        let mut in_cell = vec![false; self.globals.len()];
        in_cell
            .iter_mut()
            .take(self.imported_globals as usize)
            .for_each(|cell| *cell = true);
        for export in &self.exports {
            if let ExportKind::Global(index) = export.kind
                && let Some(cell) = in_cell.get_mut(index as usize)
            {
                *cell = true;
            }
        }
        self.global_in_cell = in_cell;
    }
}

fn check_memory_size(ty: &MemoryType, offset: usize) -> Result<()> {
    for (what, size) in [("initial", Some(ty.limits.min)), ("maximum", ty.limits.max)] {
        let size = size.unwrap_or(0);
        if ty.page_bits == PAGE_BITS && size > MAX_MEMORY_PAGES {
            let message = format!(
                "{what} memory size ({size} pages) is larger than implementation limit ({MAX_MEMORY_PAGES} pages)"
            );
            return Err(DecodeError::new(message, offset));
        }
    }
    Ok(())
}

fn check_table_size(ty: &TableType, offset: usize) -> Result<()> {
    if ty.limits.min > MAX_TABLE_SIZE {
        let message = format!(
            "initial table size ({} elements) is larger than implementation limit ({MAX_TABLE_SIZE} elements)",
            ty.limits.min
        );
        return Err(DecodeError::new(message, offset));
    }
    Ok(())
}
