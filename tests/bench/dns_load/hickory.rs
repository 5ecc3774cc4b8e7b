//! hickory-server's own UDP path in front of a set of addresses: what a server on that library does.
//!
//! Its handler does no more than is needed for the answers that are compared: A and TXT of listed names, the SOA at
//! the apex and with "not listed". Nothing is parsed twice, and all records but the owner names are made once.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use async_trait::async_trait;
use firsthand_analyzer::address::Origin;
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, SOA, TXT};
use hickory_server::proto::rr::{LowerName, Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;

use super::addresses::Entries;

/// The TTL of listed names, seconds.
const TTL: u32 = 300;
/// The TTL of "not listed", seconds.
const NEGATIVE_TTL: u32 = 60;

/// A list of IPv4 addresses under a zone.
struct Blocklist {
    listed: HashSet<u32>,
    zone: LowerName,
    labels: u8,
    code: Ipv4Addr,
    soa: Record,
}

/// What a name is to the list.
enum Place {
    Apex,
    Listed(Ipv4Addr),
    Nothing,
    Elsewhere,
}

impl Blocklist {
    fn place(&self, name: &LowerName) -> Place {
        if !self.zone.zone_of(name) {
            return Place::Elsewhere;
        }
        if name.num_labels() == self.labels {
            return Place::Apex;
        }
        if name.num_labels() != self.labels + 4 {
            return Place::Nothing;
        }
        let mut address = 0;
        for (at, label) in name.into_iter().take(4).enumerate() {
            let Some(octet) = std::str::from_utf8(label).ok().and_then(|text| text.parse::<u8>().ok()) else {
                return Place::Nothing;
            };
            address |= u32::from(octet) << (8 * at);
        }
        if self.listed.contains(&address) { Place::Listed(address.into()) } else { Place::Nothing }
    }
}

#[async_trait]
impl RequestHandler for Blocklist {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.authoritative = true;
        let query = request.queries.queries().first();
        let mut answer = None;
        let mut soa = None;
        match query.map(|query| (self.place(query.name()), query.query_type())) {
            Some((Place::Apex, RecordType::SOA)) => answer = Some(self.soa.clone()),
            Some((Place::Listed(_), RecordType::A)) => {
                let name = query.map_or_else(Name::root, |query| query.original().name().clone());
                answer = Some(Record::from_rdata(name, TTL, RData::A(A(self.code))));
            }
            Some((Place::Listed(address), RecordType::TXT)) => {
                let name = query.map_or_else(Name::root, |query| query.original().name().clone());
                let text = format!("Listed in bench: {address}. See http://127.0.0.1:8080/address/{address}");
                answer = Some(Record::from_rdata(name, TTL, RData::TXT(TXT::new(vec![text]))));
            }
            Some((Place::Apex | Place::Listed(_), _)) => soa = Some(&self.soa),
            Some((Place::Nothing, _)) => {
                metadata.response_code = ResponseCode::NXDomain;
                soa = Some(&self.soa);
            }
            Some((Place::Elsewhere, _)) | None => metadata.response_code = ResponseCode::Refused,
        }
        let response = MessageResponseBuilder::from_message_request(request).build(metadata, &answer, [], soa, []);
        match response_handle.send_response(response).await {
            Ok(sent) => sent,
            Err(_) => hickory_server::proto::op::Header { metadata, counts: Default::default() }.into(),
        }
    }
}

/// Serves `entries` on `listen` until the process is ended.
///
/// # Errors
/// What the system says of the socket.
pub(crate) fn serve(entries: &Entries, code: Ipv4Addr, listen: SocketAddr) -> io::Result<()> {
    let four = |origin| match origin {
        Origin::V4(v4) => Some(v4.to_bits()),
        Origin::V6(_) => None,
    };
    let name = |text: &str| text.parse::<Name>().expect("a valid name");
    let zone = name("bl.example.");
    let soa = SOA::new(name("ns.bl.example."), name("hostmaster.bl.example."), 1, 600, 300, 86_400, NEGATIVE_TTL);
    let blocklist = Blocklist {
        listed: entries.origins().filter_map(four).collect(),
        labels: zone.num_labels(),
        soa: Record::from_rdata(zone.clone(), NEGATIVE_TTL, RData::SOA(soa)),
        zone: zone.into(),
        code,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = tokio::net::UdpSocket::bind(listen).await?;
        let mut server = Server::new(blocklist);
        server.register_socket(socket);
        println!("ready");
        server.block_until_done().await.map_err(io::Error::other)
    })
}
