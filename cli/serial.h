#pragma once
// Serials as other programs print them: OpenSSL in capitals, with colons in its long form.
#include <algorithm>
#include <string>

namespace mayfly::cli {

/// The same serial as the CA keeps it: lower-case hexadecimal without colons. Decimal serials (SSH) stay what they are.
inline std::string serial_as_kept(std::string text) {
    std::erase(text, ':');
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

}  // namespace mayfly::cli
