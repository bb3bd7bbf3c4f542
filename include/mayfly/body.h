#pragma once
// How the bodies of the API are written: a struct that lists its members once, in `fields`. Encoder, strict decoder and
// OpenAPI schema all come from that list (lib/wire/api.h).

namespace mayfly::api {

enum class Need { required, optional };

}  // namespace mayfly::api

/// MAYFLY_FIELDS { field("name", self.name, Need::required, "what it says"); … }
#define MAYFLY_FIELDS                  \
    template <class Self, class Field> \
    static void fields(Self& self, Field& field)
