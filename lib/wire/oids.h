#pragma once
// Object identifiers, each with where it is defined. Private to lib/wire.
#include <string_view>

namespace mayfly::wire::oid {

inline constexpr std::string_view kEd25519 = "1.3.101.112";            // RFC 8410
inline constexpr std::string_view kEcPublicKey = "1.2.840.10045.2.1";  // RFC 5480
inline constexpr std::string_view kP256 = "1.2.840.10045.3.1.7";
inline constexpr std::string_view kP384 = "1.3.132.0.34";
inline constexpr std::string_view kP521 = "1.3.132.0.35";
inline constexpr std::string_view kRsa = "1.2.840.113549.1.1.1";  // RFC 8017
inline constexpr std::string_view kRsaSha256 = "1.2.840.113549.1.1.11";
inline constexpr std::string_view kEcdsaSha256 = "1.2.840.10045.4.3.2";  // RFC 5758
inline constexpr std::string_view kEcdsaSha384 = "1.2.840.10045.4.3.3";
inline constexpr std::string_view kEcdsaSha512 = "1.2.840.10045.4.3.4";
inline constexpr std::string_view kCommonName = "2.5.4.3";
inline constexpr std::string_view kSubjectKeyId = "2.5.29.14";  // RFC 5280 section 4.2.1
inline constexpr std::string_view kKeyUsage = "2.5.29.15";
inline constexpr std::string_view kSubjectAltName = "2.5.29.17";
inline constexpr std::string_view kBasicConstraints = "2.5.29.19";
inline constexpr std::string_view kCrlNumber = "2.5.29.20";  // RFC 5280 section 5.2
inline constexpr std::string_view kReasonCode = "2.5.29.21";
inline constexpr std::string_view kDeltaCrl = "2.5.29.27";
inline constexpr std::string_view kIssuingPoint = "2.5.29.28";
inline constexpr std::string_view kCertificateIssuer = "2.5.29.29";
inline constexpr std::string_view kNameConstraints = "2.5.29.30";
inline constexpr std::string_view kCrlPoints = "2.5.29.31";
inline constexpr std::string_view kFreshestCrl = "2.5.29.46";
inline constexpr std::string_view kAuthorityAccess = "1.3.6.1.5.5.7.1.1";
inline constexpr std::string_view kOcsp = "1.3.6.1.5.5.7.48.1";
inline constexpr std::string_view kAuthorityKeyId = "2.5.29.35";
inline constexpr std::string_view kExtKeyUsage = "2.5.29.37";
inline constexpr std::string_view kNoRevAvail = "2.5.29.56";  // RFC 9608
inline constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
inline constexpr std::string_view kClientAuth = "1.3.6.1.5.5.7.3.2";
inline constexpr std::string_view kExtensionRequest = "1.2.840.113549.1.9.14";  // RFC 2985

}  // namespace mayfly::wire::oid
