#pragma once
// Files that a verb leaves behind for people. Whether they may be written is settled before anything is minted.
#include <string>
#include <vector>

#include "cli/hand_over.h"
#include "lib/crypto/crypto.h"
#include "mayfly/api.h"
#include "mayfly/result.h"

namespace mayfly::cli {

enum class Existing { keep, replace };

/// may_write refuses when one of the files is there already and nobody said --force.
Status may_write(const std::vector<std::string>& paths, Existing existing);
using files::make_folder;

/// ssh_files are the files of write_ssh_files.
std::vector<std::string> ssh_files(const std::string& path);
/// write_ssh_files writes an Ed25519 key pair and its certificate as PATH, PATH.pub, PATH-cert.pub, with its log
/// proof as PATH-cert.tlog-proof: links into PATH.d/current, so that all four are replaced at one instant.
Status write_ssh_files(const std::string& path, const crypto::PrivateKey& key, const api::CertificateReply& reply,
                       const HandOver& hand_over = {});

}  // namespace mayfly::cli
