#pragma once
// An import of owners, identities and grants: what is there already is left alone, what is missing is made, what
// contradicts is refused. Each row is weighed by the same rules as its own verb; then all are written, or none.
#include "ca/access/access.h"

namespace mayfly::access {

struct Difference {
    std::string what, name, change, detail;
    std::size_t row = 0;  ///< among the rows of its kind, from 1
};
struct Differences {
    std::vector<Difference> differences;
    std::size_t same = 0;
    [[nodiscard]] bool refused() const;
};

/// import says what differs, and makes it so unless something is refused or the context is a dry run.
Result<Differences> import(const Context& context, const store::InventoryBatch& batch);

}  // namespace mayfly::access
