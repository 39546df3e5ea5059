"""How do the payloads of a destination get into their seal, and out of it?

What is sealed lies in Redis only. In a worker's memory an event is clear, beside the bytes it came in, which are what
is stored again: nothing is sealed twice for a retry, a dead letter and its replay. The Lua scripts move payloads
unopened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tiktok_events.sealing import Keyring, SealedError, is_sealed, key_id, open_with, read_keyring, to_event, to_pack
from worker.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens for one destination; without keys it seals nothing, and opens nothing."""

    destination: str
    keyring: Keyring | None

    def opened(self, envelope: Envelope) -> Envelope:
        """Return an envelope as it was read with its payload in clear, or, `locked`, with the reason why not."""
        if not is_sealed(envelope.payload):
            return envelope
        try:
            clear = self.clear(envelope)
        except SealedError as error:
            return replace(envelope, sealed=envelope.payload, locked=str(error))
        if envelope.ids:
            why = f"is a pack of {len(envelope.ids)} events; a replay takes it apart"
            return replace(envelope, sealed=envelope.payload, locked=why)
        # What `replace` would do, in a third of the time: this happens to every event.
        return Envelope(
            envelope.ref,
            envelope.id,
            clear,
            envelope.enqueued_at,
            envelope.traceparent,
            envelope.attempts,
            envelope.history,
            envelope.replays,
            envelope.forced,
            sealed=envelope.payload,
        )

    def clear(self, envelope: Envelope) -> bytes:
        """Return the clear payload of an envelope as it was read.

        Raises:
            SealedError: it does not open.
        """
        return open_with(self.keyring, envelope.payload, self._bound_to(envelope))

    def kept(self, envelope: Envelope) -> Envelope:
        """Return the envelope as it is to be stored: sealed, if there are keys.

        What came sealed stays as it came, unless another key is the first by now; what does not open, in any case.
        """
        if self.keyring is None or is_sealed(envelope.payload):
            return envelope
        if envelope.sealed is not None and key_id(envelope.sealed) == self.keyring.current:
            return envelope
        return replace(envelope, sealed=self.keyring.seal(envelope.payload, self._bound_to(envelope)))

    def resealed(self, envelope: Envelope) -> bytes:
        """Return the payload of an envelope as it was read, clear or sealed, sealed with the first key.

        Raises:
            SealedError: it does not open, or there are no keys.
        """
        clear = self.clear(envelope) if is_sealed(envelope.payload) else envelope.payload
        if self.keyring is None:
            raise SealedError("there are no keys")
        return self.keyring.seal(clear, self._bound_to(envelope))

    def _bound_to(self, envelope: Envelope) -> bytes:
        if envelope.ids:
            return to_pack(self.destination, envelope.ids)
        return to_event(self.destination, envelope.id)


def vault_of(destination: str) -> Vault:
    """Return the vault of a destination, with the keys of this process.

    Raises:
        KeyringError: they cannot be used; whoever has read the configuration knows that they can.
    """
    return Vault(destination, read_keyring())
