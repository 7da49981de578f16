"""Photos of contacts: pictures to give them, in a file and by Outlook."""
import base64
import struct
import zlib

from exchangelib import FileAttachment

from scene import unfolded


def png(colour, padding=0):
    """A picture of one pixel, and as many bytes more as wanted."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
            + chunk(b"tEXt", b"Comment\0" + b"x" * padding)
            + chunk(b"IDAT", zlib.compress(b"\0" + bytes(colour))) + chunk(b"IEND", b""))


RED, GREEN, BLUE = (png(colour, 3000) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))


def encoded(content):
    return base64.b64encode(content).decode()


def data_uri(content, kind="image/png"):
    return f"data:{kind};base64,{encoded(content)}"


def attach(contact, content):
    contact.attach(FileAttachment(name="ContactPicture.jpg", content=content,
                                  is_contact_photo=True))


def set_photo(path, content, kind="image/png"):
    """Writes the file with this photo, or none, in place of the one it has."""
    text = "\r\n".join(line for line in unfolded(path).split("\r\n") if not line.startswith("PHOTO"))
    if content:
        text = text.replace("END:VCARD", f"PHOTO:{data_uri(content, kind)}\r\nEND:VCARD")
    path.write_bytes(text.encode())
