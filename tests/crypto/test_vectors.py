"""Published vectors: RFC 8785, SM3, GB/T 32918.5, RFC 8998, RFC 8032."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from gongshu.crypto import canonical
from gongshu.crypto.aead import AeadError, open_
from gongshu.crypto.hashes import digest, sha256, sm3
from gongshu.crypto.sign import PrivateKey, PublicKey


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_of_the_standard(data, expected):
    assert sm3(data).hex() == expected
    assert digest(data, "sm3") == f"sm3:{expected}"


def test_sha256_of_fips_180():
    assert sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


SM2_KEY = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
SM2_PUBLIC = (
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
SM2_R = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
SM2_S = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"


def der(r: str, s: str) -> bytes:
    def integer(text: str) -> bytes:
        raw = bytes.fromhex(text)
        raw = b"\0" + raw if raw[0] & 0x80 else raw
        return b"\x02" + bytes([len(raw)]) + raw

    body = integer(r) + integer(s)
    return b"\x30" + bytes([len(body)]) + body


def test_sm2_signature_of_gbt_32918_5():
    key = PublicKey("sm2", bytes.fromhex(SM2_PUBLIC))
    assert key.verify(der(SM2_R, SM2_S), b"message digest")
    assert not key.verify(der(SM2_R, SM2_S), b"message digesu")
    assert not key.verify(der(SM2_S, SM2_R), b"message digest")


def test_sm2_public_key_of_gbt_32918_5_follows_from_the_private_one():
    from tongsuopy.crypto.asymciphers import ec

    key = PrivateKey("sm2", ec.derive_private_key(int(SM2_KEY, 16), ec.SM2()))
    assert key.public().raw.hex().upper() == SM2_PUBLIC


@pytest.mark.parametrize(
    ("secret", "public", "message", "signature"),
    [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ],
)
def test_ed25519_of_rfc_8032(secret, public, message, signature):
    key = PrivateKey("ed25519", ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)))
    assert key.public().raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert key.public().verify(bytes.fromhex(signature), bytes.fromhex(message))


RFC8998_CIPHERTEXT = (
    "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
    "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
)


def test_sm4_gcm_of_rfc_8998():
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    aad = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    tag = bytes.fromhex("83DE3541E4C2B58177E065A9BF7B62EC")
    plain = bytes.fromhex("".join(letter * 16 for letter in "ABCDEFEA"))
    sealed = nonce + bytes.fromhex(RFC8998_CIPHERTEXT) + tag
    assert open_("sm4-gcm", key, sealed, aad) == plain
    with pytest.raises(AeadError):
        open_("sm4-gcm", key, sealed, aad[:-1])


def test_aes_256_gcm_of_nist():
    """Test case 16 of the GCM specification."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    cipher = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    )
    tag = bytes.fromhex("76fc6ece0f4e1768cddf8853bb2d551b")
    assert open_("aes-256-gcm", key, nonce + cipher + tag, aad) == plain


def test_canonical_json_of_rfc_8785():
    """The example of section 3.2.2 and the key order of 3.2.3."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical.dumps(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    keys = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(canonical.loads(canonical.dumps(keys))) == ordered


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("8000000000000000", "0"),
    ],
)
def test_numbers_of_rfc_8785_appendix_b(bits, expected):
    import struct

    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical.dumps(number).decode() == expected
