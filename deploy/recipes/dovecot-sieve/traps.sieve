# /etc/dovecot/traps.sieve, for every mailbox of this Dovecot; compile it: sievec /etc/dovecot/traps.sieve
require ["envelope", "variables", "copy", "vnd.dovecot.pipe"];

if envelope :domain :is "to" ["traps.example", "old-shop.example", "club.example"] {
  if envelope :matches "to" "*" { set "trap" "${1}"; }
  set "sender" "";
  if envelope :matches "from" "*" { set "sender" "${1}"; }
  pipe :copy "firsthand-submit" ["${trap}", "${sender}"];
}
