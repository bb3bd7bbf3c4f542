#include "lib/wire/node_trust.h"

#include "tests/catch.h"

using namespace mayfly;

TEST_CASE("the statement of who may enter a node is the same for ever") {
    api::NodeTrust trust{"db-7", "3:9e605aa00684", 4, {"ssh-ed25519 AAAA one"}, {"db-7", "db-7.corp"}, {}};
    trust.accounts = {{"root", {"ops", "ops@db-7"}}, {"deploy", {}}};
    trust.breakglass = "00ff";
    trust.log_entry = "leaf", trust.log_proof = "proof";
    // Published hashes are of this text: a change of its form would make every node refuse its trust.
    CHECK(wire::trust_statement(trust) ==
          R"({"accounts":{"deploy":[],"root":["ops","ops@db-7"]},"breakglass":"00ff","hosts":["db-7","db-7.corp"],)"
          R"("node":"db-7","ssh_user_cas":["ssh-ed25519 AAAA one"]})");
}
