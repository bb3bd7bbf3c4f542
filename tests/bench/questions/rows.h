#pragma once
// Rows: what the filled past is written with. A failed statement ends the program: a bench has nobody to tell.
#include <deque>
#include <random>
#include <unordered_map>

#include "ca/store/past.h"
#include "ca/store/sqlite.h"
#include "ca/store/tile_rows.h"
#include "ca/store/writer.h"

namespace mayfly::bench {

void must(const Status& status);

/// Rows is the database, with the log at its end.
class Rows {
public:
    Rows(const std::string& path, std::int64_t begin);
    ~Rows() = default;
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;

    template <class... Values>
    void insert(std::string_view sql, const Values&... values) {
        must(store::Query(database_, sql).with(values...).run());
    }
    /// Adds an entry, and says whom it is about as the store does; its index.
    std::uint64_t append(const log::Event& event);
    /// Adds an entry that is about nobody's rights, as its bytes.
    std::uint64_t append_bytes(std::string_view entry);
    /// What people wrote stands beside the log; its hash.
    std::string keep_text(const std::string& text);
    Bytes random(std::size_t size);
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

    [[nodiscard]] std::uint64_t size() const { return tree_.size(); }
    [[nodiscard]] Instant now() const { return now_; }
    [[nodiscard]] const std::string& now_text() const { return now_text_; }
    void set_now(Instant now);
    [[nodiscard]] std::uint64_t about() const { return about_; }
    store::Database& database() { return database_; }
    /// Puts down what is open, and goes on.
    void commit();
    /// Signs the head over everything, makes the indexes again, and lets go of the store.
    void finish(signer::Signer& signer);

private:
    store::Database database_;
    log::Tree tree_;
    log::Checkpoint before_{};
    std::vector<std::string> indexes_;
    Instant now_;
    std::string now_text_;
    std::uint64_t about_ = 0;
    std::mt19937_64 random_{20261121};
};

}  // namespace mayfly::bench
