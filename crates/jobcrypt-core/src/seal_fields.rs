use crate::{
    AuditEvent, EncryptHook, Error, ErrorKind, JobContext, Key, Policy, envelope, fields::Paths,
    form::Form, scratch,
};

impl EncryptHook {
    /// Seals the fields of args into one token, which goes before their first member.
    pub(crate) fn fields_envelope(
        &self,
        key: &Key,
        context: &JobContext<'_>,
        (policy, paths): (&Policy, &Paths),
        args: &[u8],
        encrypt: impl FnOnce(&[u8], &[u8], &mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<Vec<u8>, Error> {
        let marker = &self.0.marker;
        let apart = paths.take_apart(args, marker)?;
        let form = Form::new(true, policy.bucket.is_some());
        let stored = scratch::for_plaintext(apart.len, |sealed| {
            apart.write_sealed(args, sealed);
            self.encrypted(
                key,
                context,
                (form, policy.bucket),
                sealed,
                encrypt,
                |body| {
                    let prefix = key.token_prefix(form);
                    let token_len = prefix.len() + envelope::encoded_len(body);
                    // A null may be longer than the value that it stands for.
                    let nulls = apart.places.all.len() * 4;
                    let len = args.len() + nulls + marker.wrapped_len(token_len);
                    let mut stored = Vec::with_capacity(len);
                    stored.extend_from_slice(&args[..apart.places.begin]);
                    marker.write_member(&mut stored, |out| {
                        out.extend_from_slice(prefix);
                        envelope::encode_body(body, out);
                    });
                    if !apart.places.is_empty {
                        stored.push(b',');
                    }
                    let readable = stored.len();
                    apart.write_readable(args, &mut stored);
                    Ok((stored, readable))
                },
            )
        });
        let (stored, readable) = stored?;
        if marker.is_anywhere_in(&stored[readable..]) {
            self.refuse_marker_in(&[b"{", &stored[readable..]].concat(), policy)?;
        }
        self.audit(&AuditEvent::JobSealed {
            kind: context.kind(),
            key_id: key.key_id(),
        });
        Ok(stored)
    }

    /// Refuses readable args that hold the marker where a reader could not tell it from ours.
    pub(crate) fn refuse_marker_in(&self, readable: &[u8], policy: &Policy) -> Result<(), Error> {
        let marker = &self.0.marker;
        if !marker.is_anywhere_in(readable) {
            return Ok(());
        }
        let keyring = self.keys().snapshot();
        let is_ours = |envelope: envelope::Envelope<'_>| {
            let names = |key: &Key| {
                key.key_id() == envelope.key_id() && key.cipher().as_str() == envelope.cipher()
            };
            !envelope.is_fields() && keyring.keys().any(names)
        };
        if policy.admits_sealed_values && marker.holds_only_values(readable, is_ours) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::MarkerInArgs,
            "a worker could not tell them from sealed args",
        ))
    }
}
