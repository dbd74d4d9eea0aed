// Public keys, and tokens that were signed with their private ones, which nobody has any more.
#pragma once

#include <array>
#include <string_view>

namespace progressd::fuzz {

inline constexpr std::string_view kRsaPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA23xwy0iwwQj/VPZ1YdsI\n"
    "1P1JqTA5mi0eUXkikdyyCIrJBpNPDaTW/TcJvwlxT70SKoRRWnYUizCT4EBfK6qi\n"
    "7mk78PoZXAEH4tPcYpDtCAm3HyRcLef0u/zJ9YKMPWYuNyAZyG0vTpA5hTNdVVXt\n"
    "iVordRXMe3TgrWA2HODU9+2l/Qcq9G19gtbaKOlNmtRF+r3IwDrbDqpqT8aVQkXF\n"
    "Pw2pVD5jTYyiQPfmeWyUMgydil7ZBPzihXKzIwp1lxZyStdGCMwmaXtVzLhikoWc\n"
    "LJyxPkRf8at70Ciy9K/2StF8QecxlKAKNRDo0v8WVH0FHdmeoG9RA/eS84LfNv4Z\n"
    "BwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

inline constexpr std::string_view kEcPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPKxjYaWRTr70u5b8fXE3Xwpokixs\n"
    "8AxVWEKoFob4Bm1VlsuXGbBleL9rahlq0hdbb0p/xG0i7B3nN6dT0L2pDg==\n"
    "-----END PUBLIC KEY-----\n";

/// Both of them, and one that is for something else.
inline constexpr std::string_view kKeySet =
    R"({"keys":[{"kty":"RSA","kid":"r","use":"sig","alg":"RS256","n":"23xwy0iwwQj_VPZ1YdsI1P1JqTA5mi0eUXkikdyyCIrJBpNPDaTW_TcJvwlxT70SKoRRWnYUizCT4EBfK6qi7mk78PoZXAEH4tPcYpDtCAm3HyRcLef0u_zJ9YKMPWYuNyAZyG0vTpA5hTNdVVXtiVordRXMe3TgrWA2HODU9-2l_Qcq9G19gtbaKOlNmtRF-r3IwDrbDqpqT8aVQkXFPw2pVD5jTYyiQPfmeWyUMgydil7ZBPzihXKzIwp1lxZyStdGCMwmaXtVzLhikoWcLJyxPkRf8at70Ciy9K_2StF8QecxlKAKNRDo0v8WVH0FHdmeoG9RA_eS84LfNv4ZBw","e":"AQAB"},{"kty":"EC","kid":"e","crv":"P-256","key_ops":["verify"],"x":"PKxjYaWRTr70u5b8fXE3Xwpokixs8AxVWEKoFob4Bm0","y":"VZbLlxmwZXi_a2oZatIXW29Kf8RtIuwd5zenU9C9qQ4"},{"kty":"oct","k":"AA"}]})";

/// RS256 with kid `r`, and ES256 with kid `e`.
inline constexpr std::array<std::string_view, 2> kSignedTokens{
    {"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJzdWIiOiJhbm4iLCJleHAiOjE3OTUyMjE3M"
     "jV9.XPqoGtrFBCb-LDXUgLGC8VOQZQxEc0gAY-KKeVTylb-kxYlKlzBkYxRdosocjlepJfvZ7imeszF2toPqdVLW"
     "rTnTp-ekSSp4NfZ8uMgH2Ra453bQ6SfWpVadnMixgv5wMMctHhRlqFrQqaguKCh14tppEM-ASVDDe5VlIpOlVXby"
     "6L56BHb_rQ4M_1v_kf2gwAB28MZMB6wUA4-PgJGBCZhiqnae14TMX1qYNiZ72pvwtWiB1hMnQ7aiFFjW_qpn9EZH"
     "N_tz84z4tfxhSCuLHvdAARzY0WOeQ7FWyg9KXutYhI4j4qKgBrUvwDy8QlokKFVeP_2iyII1lOY2uWYGUg",
     "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImUifQ.eyJzdWIiOiJib2IiLCJzY29wZSI6ImpvYnM6Y"
     "WRtaW4ifQ.pIvCGB18guh3WUrpSOB5m7iT5D0L0UUiScCIi7IDIMeqIBkIZXazE06ImEcNsA2AFJXhKL6upCKsd8"
     "M0-8holQ"}};

}  // namespace progressd::fuzz
