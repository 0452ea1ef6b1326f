"""HTTP/1.1 in clear, read as it passes: every request of a proxy that asks for it, and toxics that act on requests.

    client ── Side ─▸ sieve ─▸ up link   ─▸ upstream        head.py          first line, notable headers
                       │ rule: which toxics act on it?      reader.py        where heads and bodies end
    client ◂─ sink ◂── down link ◂─ sieve ◂── upstream       sieve.py         cuts a stream at those places, for toxics
                │                                           conversation.py  which answer is whose
            request log                                     log.py           what the API tells of it

Nothing here changes a byte. What is not understood without a doubt (RFC 9112 read strictly) is not guessed at: the
connection is no longer followed, the log says why, and its bytes pass.

Why a reader of our own: llhttp (httptools) and h11 hand out decoded parts and keep to themselves where in the stream
these were, they repair what they can, and h11 buffers. What is needed here is the opposite: offsets, and no repair.
h11 serves the tests as the second opinion.
"""
