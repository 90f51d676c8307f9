//! From an object to entries and back. Objects are branches; all else is a value: so is a list, and an object of nothing.

use std::collections::{BTreeMap, HashSet};

use crate::{Segment, Value, ValueKind, ValuePath, VaultError, json, value_path::DEEPEST};

/// Values by their paths.
pub(crate) type Leaves = BTreeMap<ValuePath, Value>;

/// Takes a value at `at` apart.
pub(crate) fn leaves(at: &ValuePath, value: &Value) -> Result<Leaves, VaultError> {
    let mut leaves = Leaves::new();
    collect(at, value, &mut leaves)?;
    Ok(leaves)
}

fn collect(at: &ValuePath, value: &Value, leaves: &mut Leaves) -> Result<(), VaultError> {
    let is_branch = value.kind() == ValueKind::Object && !value.is_empty_object();
    if !is_branch {
        // A vault of nothing has no entries.
        if !at.is_root() {
            at.check_len()?;
            // A list of lists, at the end of a long path.
            if at.segments().len() + json::depth(value.as_json()) > DEEPEST {
                return Err(VaultError::bad_value(format!("{at} is nested too deep")));
            }
            leaves.insert(at.clone(), value.clone());
        }
        return Ok(());
    }
    let mut names = HashSet::new();
    for (segment, child) in value.children() {
        let path = at.join(segment.clone());
        if !names.insert(segment) {
            return Err(VaultError::bad_value(format!("{path} stands twice")));
        }
        collect(&path, &child, leaves)?;
    }
    Ok(())
}

/// Puts values together to one object; their paths are those below `top`.
pub(crate) fn object(top: &ValuePath, leaves: &Leaves) -> Value {
    let skipped = top.segments().len();
    let mut root = Branch::new();
    for (path, value) in leaves {
        let mut branch = &mut root;
        let mut names = path.segments()[skipped..].iter().peekable();
        while let Some(segment) = names.next() {
            let Segment::Name(name) = segment else { break };
            let next = branch.entry(name).or_insert_with(|| {
                if names.peek().is_some() {
                    Node::Branch(Branch::new())
                } else {
                    Node::Leaf(value)
                }
            });
            match next {
                Node::Branch(below) => branch = below,
                Node::Leaf(_) => break,
            }
        }
    }
    Value::canonical(json::built(|out| write(&root, out)))
}

type Branch<'a> = BTreeMap<&'a str, Node<'a>>;

enum Node<'a> {
    Branch(Branch<'a>),
    Leaf(&'a Value),
}

fn write(branch: &Branch<'_>, out: &mut dyn FnMut(&str)) {
    out("{");
    for (at, (name, node)) in branch.iter().enumerate() {
        out(if at == 0 { "" } else { "," });
        json::write_quoted(name, out);
        out(":");
        match node {
            Node::Branch(below) => write(below, out),
            Node::Leaf(value) => out(value.as_json()),
        }
    }
    out("}");
}
